// Alerts about one Registry; the same names and runbooks as in deploy/monitoring, which has them
// for all registries of a Prometheus at once.
#include <nlohmann/json.hpp>

#include "operator/desired/build.h"
#include "operator/desired/builders.h"

namespace bunker::desired {
namespace {

struct Alert {
  std::string_view name;
  std::string_view expression;  // $who stands for the matchers of this Registry's targets
  std::string_view wait;
  std::string_view severity;
  std::string_view summary;  // $name stands for the Registry
};

constexpr Alert kAlerts[] = {
    {"BunkerTargetDown", "up{$who} == 0", "5m", "warning",
     "{{ $labels.pod }} of $name cannot be scraped"},
    {"BunkerRegistryErrors",
     "sum(rate(registry_http_requests_total{code=~\"5..\",$who}[5m])) / "
     "sum(rate(registry_http_requests_total{$who}[5m])) > 0.05",
     "5m", "critical",
     "$name answers {{ $value | humanizePercentage }} of its requests with an error of its own"},
    {"BunkerRegistrySlow",
     "histogram_quantile(0.99, sum by (le) (rate(registry_http_request_duration_seconds_bucket{"
     "handler=\"manifest\",method=~\"get|head\",$who}[5m]))) > 2",
     "10m", "warning", "$name takes {{ $value | humanizeDuration }} for one manifest in a hundred"},
    {"BunkerHealthCheckFailing", "bunker_health_check_up{$who} == 0", "2m", "critical",
     "the check {{ $labels.check }} fails on {{ $labels.pod }} of $name"},
    {"BunkerUploadsNotPurged",
     "increase(bunker_upload_purge_runs_total{result=\"failed\",$who}[2d]) > 0 unless on (pod) "
     "increase(bunker_upload_purge_runs_total{result=\"ok\",$who}[2d]) > 0",
     "", "warning", "{{ $labels.pod }} of $name removed no abandoned uploads for two days"},
};

// Relative to the certificate's life, so that short ones and long ones work alike.
constexpr Alert kCertificateAlert = {
    "BunkerCertificateNotRenewed",
    "(bunker_certificate_not_after_timestamp_seconds{$who} - time()) < 0.7 * "
    "(bunker_certificate_not_after_timestamp_seconds{$who} - "
    "bunker_certificate_renewal_timestamp_seconds{$who})",
    "15m", "critical",
    "the certificate {{ $labels.name }} of {{ $labels.pod }} of $name should have been renewed; "
    "{{ $value | humanizeDuration }} are left"};

std::string replaced(std::string_view text, std::string_view what, const std::string& by) {
  std::string out(text);
  for (std::size_t at = 0; (at = out.find(what, at)) != std::string::npos; at += by.size()) {
    out.replace(at, what.size(), by);
  }
  return out;
}

Json rule(const Alert& alert, const v1alpha1::Registry& registry) {
  const std::string full_name = registry.ns + "/" + registry.name;
  const std::string who =
      "namespace=\"" + registry.ns + "\",job=\"" + name_of(registry, "metrics") + "\"";
  Json out = {{"alert", alert.name},
              {"expr", replaced(alert.expression, "$who", who)},
              {"labels", {{"severity", alert.severity}, {"registry", registry.name}}},
              {"annotations",
               {{"summary", replaced(alert.summary, "$name", full_name)},
                {"runbook_url", "docs/runbooks/" + std::string(alert.name) + ".md"}}}};
  if (!alert.wait.empty()) out["for"] = alert.wait;
  return out;
}

}  // namespace

Json prometheus_rule(const Input& input) {
  const v1alpha1::Registry& registry = input.registry;
  const v1alpha1::Monitoring& wanted = registry.spec.monitoring;
  if (!wanted.rules || !input.kinds.prometheus_rule) return nullptr;
  Json rules = Json::array();
  for (const Alert& alert : kAlerts) rules.push_back(rule(alert, registry));
  if (manages_certificates(registry)) rules.push_back(rule(kCertificateAlert, registry));
  Json out = object(registry, "monitoring.coreos.com/v1", "PrometheusRule", name_of(registry));
  for (const auto& [key, value] : wanted.labels) out["metadata"]["labels"].emplace(key, value);
  out["spec"]["groups"] = Json::array(
      {{{"name", "bunker." + registry.ns + "." + registry.name}, {"rules", std::move(rules)}}});
  return out;
}

}  // namespace bunker::desired
