#include "registryd/storage/s3/endpoint.h"

#include <gtest/gtest.h>

namespace bunker::storage::s3 {
namespace {

Settings settings(std::string region, std::string endpoint = "") {
  Settings s;
  s.region = std::move(region);
  s.endpoint = std::move(endpoint);
  s.bucket = "images";
  return s;
}

// "https://host/path", as a call to the bucket would go.
std::string place(const Settings& s) {
  const auto endpoint = resolve_endpoint(s);
  return endpoint ? endpoint->url() + endpoint->path : to_string(endpoint.error());
}

TEST(Endpoint, KnowsThisMachine) {
  for (const char* host :
       {"127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST", "s3.localhost"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"128.0.0.1", "10.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1",
                           "localhost.example.com", "mylocalhost", "127.0.0.1.example.com", ""}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(Endpoint, AwsIsAddressedByTheBucketsHostName) {
  Settings s = settings("eu-central-1");
  EXPECT_EQ(place(s), "https://images.s3.eu-central-1.amazonaws.com");
  s.region = "cn-north-1";
  EXPECT_EQ(place(s), "https://images.s3.cn-north-1.amazonaws.com.cn");
  s.region = "us-east-1";
  s.dual_stack = true;
  EXPECT_EQ(place(s), "https://images.s3.dualstack.us-east-1.amazonaws.com");
  s.fips_endpoint = true;
  EXPECT_EQ(place(s), "https://images.s3-fips.dualstack.us-east-1.amazonaws.com");
  s.dual_stack = false;
  s.secure = false;
  EXPECT_EQ(place(s), "http://images.s3-fips.us-east-1.amazonaws.com");
  s.fips_endpoint = false;
  s.accelerate = true;
  EXPECT_EQ(place(s), "http://images.s3-accelerate.amazonaws.com");
  s.force_path_style = true;
  EXPECT_EQ(place(s), "http://s3.us-east-1.amazonaws.com/images");
}

TEST(Endpoint, AnEndpointOfOnesOwnIsPathStyleUnlessForbidden) {
  Settings s = settings("ch-gva-2", "https://sos-ch-gva-2.exo.io");
  EXPECT_EQ(place(s), "https://sos-ch-gva-2.exo.io/images");
  s.force_path_style = false;
  EXPECT_EQ(place(s), "https://images.sos-ch-gva-2.exo.io");
}

TEST(Endpoint, BareHostsFollowSecure) {
  Settings s = settings("", "Minio.example.com:9000");
  EXPECT_EQ(place(s), "https://minio.example.com:9000/images");
  s.secure = false;
  EXPECT_EQ(place(s), "http://minio.example.com:9000/images");
  s.endpoint = "http://minio.example.com:80/";
  EXPECT_EQ(place(s), "http://minio.example.com/images");
  s.endpoint = "HTTPS://minio.example.com:443/gateway/s3/";
  EXPECT_EQ(place(s), "https://minio.example.com/gateway/s3/images");
}

TEST(Endpoint, AddressesAndOddBucketsCannotBeHostNames) {
  Settings s = settings("", "http://192.0.2.7:9000");
  s.force_path_style = false;
  EXPECT_EQ(place(s), "http://192.0.2.7:9000/images");
  s.endpoint = "http://[2001:db8::1]:9000";
  EXPECT_EQ(place(s), "http://[2001:db8::1]:9000/images");
  EXPECT_EQ(resolve_endpoint(s)->host, "2001:db8::1");
  s.endpoint = "https://s3.example.com";
  s.bucket = "my.images";
  EXPECT_EQ(place(s), "https://s3.example.com/my.images");
  s.endpoint = "http://s3.example.com";
  EXPECT_EQ(place(s), "http://my.images.s3.example.com");
  s.bucket = "My_Images";
  EXPECT_EQ(place(s), "http://s3.example.com/My_Images");
}

TEST(Endpoint, WhatIsNotOneIsRefusedByName) {
  for (const char* text : {"ftp://host", "https://", "http://host:0", "http://host:70000",
                           "http://host:x", "http://[::1", "http://[nonsense]:1", "ho st",
                           "https://host/a?b", "http://user@host", ":9000", "http://[::1]9"}) {
    Settings s = settings("r", text);
    const auto result = check(s);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, Code::invalid);
    EXPECT_NE(result.error().message.find("storage.s3.regionendpoint"), std::string::npos);
    s.endpoint = "https://fine";
    s.redirect_endpoint = text;
    ASSERT_FALSE(check(s)) << text;
    EXPECT_NE(check(s).error().message.find("storage.s3.redirectendpoint"), std::string::npos);
  }
}

TEST(Endpoint, ClientsMayHaveAnotherOne) {
  Settings s = settings("r", "http://minio.storage.svc:9000");
  EXPECT_EQ(resolve_redirect_endpoint(s)->url(), "http://minio.storage.svc:9000");
  s.redirect_endpoint = "https://s3.example.com";
  EXPECT_EQ(resolve_redirect_endpoint(s)->url(), "https://s3.example.com");
}

TEST(Settings, MistakesAreRefused) {
  EXPECT_TRUE(check(settings("eu-central-1")));
  Settings s = settings("", "");
  EXPECT_EQ(check(s).error().message, "storage.s3.region is missing");
  s = settings("r");
  s.bucket = "";
  EXPECT_EQ(check(s).error().message, "storage.s3.bucket is missing");
  s.bucket = "a/b";
  EXPECT_FALSE(check(s));
  s = settings("r");
  s.chunk_bytes = (5 << 20) - 1;
  EXPECT_FALSE(check(s));
  s.chunk_bytes = 5 << 20;
  EXPECT_TRUE(check(s));
  s.chunk_bytes = (5ull << 30) + 1;
  EXPECT_FALSE(check(s));
}

TEST(PublicHost, OnlyWhatAnyClientMayReach) {
  for (const char* host : {"s3.eu-central-1.amazonaws.com", "sos-ch-gva-2.exo.io", "192.0.2.7",
                           "8.8.8.8", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8"}) {
    EXPECT_TRUE(is_public_host(host)) << host;
  }
  for (const char* host : {"localhost",
                           "minio",
                           "127.0.0.1",
                           "10.1.2.3",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.168.0.1",
                           "169.254.169.254",
                           "100.64.0.1",
                           "0.0.0.0",
                           "::1",
                           "::",
                           "fe80::1",
                           "fd00::1",
                           "::ffff:10.0.0.1",
                           "minio.storage.svc",
                           "minio.storage.svc.cluster.local",
                           "MINIO.Cluster.LOCAL",
                           "host.docker.internal",
                           "nas.lan"}) {
    EXPECT_FALSE(is_public_host(host)) << host;
  }
}

}  // namespace
}  // namespace bunker::storage::s3
