"""A real one-node Kubernetes on this machine, in namespaces of its own.

All of it (etcd, the control plane, containerd, kubelet, pods, bridges, iptables) lives in one set
of mount, PID, network, UTS and IPC namespaces. Their first process is `node`, so when it ends the
kernel ends everything in them and takes back every mount and interface.

    python3 -m tests.e2e.cluster up                  start it, wait until pods can run
    python3 -m tests.e2e.cluster exec kubectl get pods --all-namespaces
    python3 -m tests.e2e.cluster kubeconfig          path of the file that kubectl needs there
    python3 -m tests.e2e.cluster down                end it, leave nothing

It needs root, the packages of the groups test and e2e, and the programs of `make tools`.
"""
