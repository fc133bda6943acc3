"""What a cluster needs beside Kubernetes itself: the image that holds a pod's namespaces, and DNS.

No image is pulled: each is one static program.
"""

from __future__ import annotations

import pathlib

from tests.e2e.cluster import settings
from tests.support import parts
from tests.support.images import Layout

# Ends on SIGTERM and reaps what the other containers of a pod that shares its PIDs leave.
PAUSE_SOURCE = """
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int signal) { (void)signal; _exit(0); }
static void reap(int signal) { (void)signal; while (waitpid(-1, 0, WNOHANG) > 0) {} }
int main(void) {
  signal(SIGINT, end);
  signal(SIGTERM, end);
  signal(SIGCHLD, reap);
  for (;;) pause();
}
"""

COREFILE = f"""
.:1053 {{
    errors
    health :8080
    ready :8181
    kubernetes {settings.DOMAIN} in-addr.arpa {{
        pods insecure
        ttl 1
    }}
    cache 1
}}
"""


def make_images(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns archives that `ctr image import` takes."""
    source = folder / "pause.c"
    source.write_text(PAUSE_SOURCE)
    parts.run("clang-19", "-static", "-Os", "-s", "-o", str(folder / "pause"), str(source))
    archives = []
    for name, program in ((settings.PAUSE_IMAGE, folder / "pause"),
                          (settings.COREDNS_IMAGE, pathlib.Path(parts.program("coredns")))):
        layout = Layout(folder / "images" / program.name)
        layout.add_image(name, [{program.name: program.read_bytes()}],
                         config={"Entrypoint": ["/" + program.name]})
        archive = folder / f"{program.name}.tar"
        parts.run("tar", "-C", str(layout.folder), "-cf", str(archive), ".")
        archives.append(archive)
    return archives


def manifests() -> dict:
    labels = {"k8s-app": "kube-dns"}
    meta = {"name": "coredns", "namespace": "kube-system"}
    role = {"name": "system:coredns"}
    container = {
        "name": "coredns", "image": settings.COREDNS_IMAGE, "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
    }
    return {"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": role,
         "rules": [
             {"apiGroups": [""], "resources": ["services", "namespaces", "pods", "endpoints"],
              "verbs": ["list", "watch"]},
             {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"],
              "verbs": ["list", "watch"]}]},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
         "metadata": role,
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", **role},
         "subjects": [{"kind": "ServiceAccount", **meta}]},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"Corefile": COREFILE}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "serviceAccountName": "coredns", "dnsPolicy": "Default",
                "containers": [container],
                "volumes": [{"name": "config", "configMap": {"name": "coredns"}}]}}}},
        {"apiVersion": "v1", "kind": "Service",
         "metadata": {"name": "kube-dns", "namespace": "kube-system"}, "spec": {
             "clusterIP": settings.DNS_ADDRESS, "selector": labels, "ports": [
                 {"name": "dns", "protocol": "UDP", "port": 53, "targetPort": 1053},
                 {"name": "dns-tcp", "protocol": "TCP", "port": 53, "targetPort": 1053}]}},
    ]}
