"""helm: charts as OCI artifacts, version ranges over the tag list, installs from the registry."""

from __future__ import annotations

import pathlib

from tests.support.client_test import PASSWORD, USER, ClientTest


class HelmTest(ClientTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.env.update({f"HELM_{name}_HOME": str(cls.home / name.lower())
                        for name in ("CACHE", "CONFIG", "DATA")})

    def helm(self, *arguments: str, **options) -> str:
        return self.run_client("helm", *arguments, **options)

    def package(self, version: str) -> pathlib.Path:
        chart = self.home / "chart"
        (chart / "templates").mkdir(parents=True, exist_ok=True)
        (chart / "Chart.yaml").write_text(
            f"apiVersion: v2\nname: chart\nversion: {version}\ndescription: For a test\n")
        (chart / "templates" / "map.yaml").write_text(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\n"
            "data: {version: {{ .Chart.Version | quote }}}\n")
        self.helm("package", str(chart), "--destination", str(self.home))
        return self.home / f"chart-{version}.tgz"

    def push(self, version: str, repository: str) -> str:
        target = f"oci://{self.host}/{repository}"
        self.helm("push", "--plain-http", str(self.package(version)), target)
        return f"{target}/chart"

    def test_push_and_pull(self) -> None:
        source = self.push("1.2.3", "helm")
        pulled = self.home / "helm-pulled"
        pulled.mkdir()
        self.helm("pull", "--plain-http", source, "--version", "1.2.3",
                  "--destination", str(pulled))
        self.assertEqual((pulled / "chart-1.2.3.tgz").read_bytes(),
                         (self.home / "chart-1.2.3.tgz").read_bytes())

    def test_template_from_the_registry(self) -> None:
        source = self.push("0.3.0", "helm/template")
        self.assertIn('version: "0.3.0"', self.helm("template", "--plain-http", source,
                                                    "--version", "0.3.0"))

    def test_version_range_is_resolved_from_the_tags(self) -> None:
        for version in ("1.0.0", "1.9.0", "1.10.0", "2.0.0"):
            source = self.push(version, "helm/range")
        self.assertIn("version: 1.10.0", self.helm("show", "chart", "--plain-http", source,
                                                   "--version", "^1.0.0"))
        self.assertEqual(len(self.api().tags("helm/range/chart")), 4)

    def test_plus_in_a_version(self) -> None:
        source = self.push("1.0.0+build.5", "helm/plus")
        self.assertEqual(self.api().tags("helm/plus/chart"), ["1.0.0_build.5"])
        self.assertIn("version: 1.0.0+build.5", self.helm("show", "chart", "--plain-http", source,
                                                          "--version", "1.0.0+build.5"))

    def test_missing_chart(self) -> None:
        self.refused("not found", "helm", "pull", "--plain-http",
                     f"oci://{self.host}/helm/absent", "--version", "1.0.0")

    def test_password(self) -> None:
        host = self.registry_with_password().host
        push = ["push", "--plain-http", str(self.package("4.0.0")), f"oci://{host}/helm"]
        self.refused("basic credential not found", "helm", *push)
        self.refused("401", "helm", "registry", "login", "--plain-http", "--username", USER,
                     "--password-stdin", host, stdin="wrong")
        self.helm("registry", "login", "--plain-http", "--username", USER, "--password-stdin",
                  host, stdin=PASSWORD)
        self.helm(*push)
