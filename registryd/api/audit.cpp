#include "registryd/api/audit.h"

#include <utility>

namespace bunker::api {
namespace {

// Whether somebody was turned away. A 401 without credentials is how every login begins.
bool is_refusal(const http::Request& request, int status) {
  return status == 403 || (status == 401 && request.headers.has("Authorization"));
}

// Whether the request makes a difference to what can be pulled. The steps of an upload before its
// end do not.
bool is_change(const Route& route, int status) {
  if (route.needs == Needs::remove) return true;
  if (route.needs != Needs::push) return false;
  switch (route.resource) {
    case Resource::uploads:
      return status == 201;  // mounted, or brought whole
    case Resource::upload:
      return route.method == http::Method::put;
    default:
      return true;
  }
}

std::string_view result_of(int status) {
  if (status < 400) return "done";
  return status == 401 || status == 403 ? "refused" : "failed";
}

}  // namespace

Audit::Event Audit::make_event(const Route* route, const Target& target, auth::Identity identity,
                               const http::Response& response) const {
  Event event{route, target, std::move(identity), {}, {}};
  if (level_ == AuditLevel::off) return event;
  event.digest = response.headers.get("Docker-Content-Digest").value_or("");
  event.tags = response.headers.joined("OCI-Tag").value_or("");
  return event;
}

void Audit::write(const Context& context, const http::Request& request, const Event& event,
                  int status) const {
  if (level_ == AuditLevel::off || event.route == nullptr) return;
  if (level_ == AuditLevel::changes && !is_refusal(request, status) &&
      !is_change(*event.route, status)) {
    return;
  }
  const net::PeerCertificate* const certificate = event.identity.certificate.get();
  log_.info("audit",
            {{"audit", true},
             {"action", event.route->event},
             {"result", result_of(status)},
             {"status", status},
             {"user", event.identity.user},
             {"certificate", certificate ? std::string_view(certificate->serial) : ""},
             {"common_name", certificate ? std::string_view(certificate->common_name) : ""},
             {"repository", event.target.name},
             {"reference", event.target.item},
             {"digest", event.digest},
             {"tags", event.tags},
             {"from", request.query_value("from").value_or("")},
             {"peer", request.peer.address},
             {"request_id", context.request_id}});
}

}  // namespace bunker::api
