// A client of Envoy's secret discovery service, built on Envoy's own types: what certsidecar's SDS is
// tested with. It prints a JSON line for each response, and answers it.
//
// Usage: sdsclient -socket PATH -mode stream|delta|fetch [-nack N] [-count N] NAME …
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tls "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	secret "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	status "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/anypb"
)

const secretType = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"

type line struct {
	Version string            `json:"version"`
	Nonce   string            `json:"nonce"`
	Secrets map[string]values `json:"secrets"`
	Removed []string          `json:"removed"`
}

type values struct {
	Chain string `json:"chain,omitempty"`
	Key   bool   `json:"key,omitempty"`
	CA    string `json:"ca,omitempty"`
	CRL   string `json:"crl,omitempty"`
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func (l *line) add(message *anypb.Any) {
	var one tls.Secret
	must(message.UnmarshalTo(&one))
	must(one.Validate())
	var v values
	if pair := one.GetTlsCertificate(); pair != nil {
		v.Chain = string(pair.GetCertificateChain().GetInlineBytes())
		v.Key = len(pair.GetPrivateKey().GetInlineBytes()) > 0
	}
	if trust := one.GetValidationContext(); trust != nil {
		v.CA = string(trust.GetTrustedCa().GetInlineBytes())
		v.CRL = string(trust.GetCrl().GetInlineBytes())
	}
	l.Secrets[one.Name] = v
}

func (l *line) print() {
	must(json.NewEncoder(os.Stdout).Encode(l))
}

func refusal(refused bool) *status.Status {
	if !refused {
		return nil
	}
	return &status.Status{Code: 13, Message: "refused by the test"}
}

func stream(ctx context.Context, client secret.SecretDiscoveryServiceClient, names []string, nack, count int) {
	s, err := client.StreamSecrets(ctx)
	must(err)
	request := &discovery.DiscoveryRequest{Node: &core.Node{Id: "test"}, ResourceNames: names, TypeUrl: secretType}
	must(s.Send(request))
	for i := 1; i <= count; i++ {
		response, err := s.Recv()
		must(err)
		out := line{Version: response.VersionInfo, Nonce: response.Nonce, Secrets: map[string]values{}}
		for _, one := range response.Resources {
			out.add(one)
		}
		request.ResponseNonce = response.Nonce
		request.ErrorDetail = refusal(i == nack)
		if i != nack {
			request.VersionInfo = response.VersionInfo
		}
		must(s.Send(request))
		out.print()
	}
	must(s.CloseSend())
	s.Recv()
}

func delta(ctx context.Context, client secret.SecretDiscoveryServiceClient, names []string, nack, count int) {
	s, err := client.DeltaSecrets(ctx)
	must(err)
	must(s.Send(&discovery.DeltaDiscoveryRequest{
		Node: &core.Node{Id: "test"}, ResourceNamesSubscribe: names, TypeUrl: secretType}))
	for i := 1; i <= count; i++ {
		response, err := s.Recv()
		must(err)
		out := line{Version: response.SystemVersionInfo, Nonce: response.Nonce,
			Secrets: map[string]values{}, Removed: response.RemovedResources}
		for _, one := range response.Resources {
			out.add(one.Resource)
		}
		must(s.Send(&discovery.DeltaDiscoveryRequest{
			TypeUrl: secretType, ResponseNonce: response.Nonce, ErrorDetail: refusal(i == nack)}))
		out.print()
	}
	must(s.CloseSend())
	s.Recv()
}

func fetch(ctx context.Context, client secret.SecretDiscoveryServiceClient, names []string) {
	response, err := client.FetchSecrets(ctx, &discovery.DiscoveryRequest{ResourceNames: names, TypeUrl: secretType})
	must(err)
	out := line{Version: response.VersionInfo, Nonce: response.Nonce, Secrets: map[string]values{}}
	for _, one := range response.Resources {
		out.add(one)
	}
	out.print()
}

func main() {
	socket := flag.String("socket", "", "path of the socket")
	mode := flag.String("mode", "stream", "stream, delta or fetch")
	nack := flag.Int("nack", 0, "the response to refuse, from 1 on")
	count := flag.Int("count", 1, "end after so many responses")
	timeout := flag.Duration("timeout", time.Minute, "give up after this")
	flag.Parse()
	connection, err := grpc.NewClient("unix:"+*socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), *timeout)
	defer cancel()
	client := secret.NewSecretDiscoveryServiceClient(connection)
	switch *mode {
	case "stream":
		stream(ctx, client, flag.Args(), *nack, *count)
	case "delta":
		delta(ctx, client, flag.Args(), *nack, *count)
	default:
		fetch(ctx, client, flag.Args())
	}
}
