"""auth.token with real clients and a real token service: logins, scopes, expiry, changed keys."""

from __future__ import annotations

import time

from tests.support import parts
from tests.support.api import Api
from tests.support.client_test import PASSWORD, USER, ClientTest
from tests.support.registry import Registry
from tests.support.token_server import TokenServer

RIGHTS = {
    "": {"public/app": {"pull"}},
    USER: {"public/app": {"pull", "push"}, "team/app": {"pull", "push"}, "catalog": {"*"}},
    "root": {"*": {"pull", "push", "delete", "*"}},
}


class TokenTest(ClientTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.service = cls.enterClassContext(
            TokenServer(cls.home, {USER: PASSWORD, "root": PASSWORD}, RIGHTS))
        cls.guarded = cls.enterClassContext(Registry(config={"auth": cls.service.auth()}))
        cls.host = cls.guarded.host
        cls.run_client("skopeo", "--insecure-policy", "copy", f"oci:{cls.layout.folder}:small",
                       f"oci:{cls.home}/small")

    def login(self, user: str) -> None:
        self.run_client("crane", "auth", "login", self.host, "--username", user,
                        "--password-stdin", stdin=PASSWORD)
        self.run_client("skopeo", "login", "--tls-verify=false", "--username", user,
                        "--password", PASSWORD, self.host)
        self.addCleanup(parts.execute, "crane", "auth", "logout", self.host, env=self.env)
        self.addCleanup(parts.execute, "skopeo", "logout", self.host, env=self.env)

    def push(self, target: str) -> None:
        self.run_client("crane", "push", str(self.home / "small"), f"{self.host}/{target}")

    def api_with(self, token: str, host: str = "") -> Api:
        api = Api(host or self.host)
        api._credentials = {"Authorization": f"Bearer {token}"}
        self.addCleanup(api.close)
        return api

    def test_crane(self) -> None:
        self.login(USER)
        self.push("team/app:crane")
        self.run_client("crane", "validate", "--remote", f"{self.host}/team/app:crane")
        self.refused("UNAUTHORIZED", "crane", "delete", f"{self.host}/team/app:crane")
        self.refused("UNAUTHORIZED", "crane", "ls", f"{self.host}/other/app")
        self.run_client("crane", "catalog", self.host)

    def test_skopeo_and_podman(self) -> None:
        self.login(USER)
        target = f"docker://{self.host}/team/app:skopeo"
        self.run_client("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false",
                        f"oci:{self.layout.folder}:multi", target, "--all")
        self.run_client("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", "--all",
                        target, f"oci:{self.home}/pulled:multi")
        self.refused("invalid username/password", "skopeo", "login", "--tls-verify=false",
                     "--username", USER, "--password", "wrong", self.host)
        self.run_client("podman", "login", "--tls-verify=false", "--username", USER,
                        "--password-stdin", self.host, stdin=PASSWORD)
        self.refused("requested access to the resource is denied", "skopeo", "inspect",
                     "--tls-verify=false", f"docker://{self.host}/other/app:v1")

    def test_oras_and_regctl(self) -> None:
        auth = self.service.auth(host="127.0.0.1")
        host = self.enterContext(Registry(config={"auth": auth})).host
        (self.home / "artifact.txt").write_text("an artifact")
        config = ["--registry-config", str(self.home / "oras.json")]
        self.run_client("oras", "login", "--plain-http", *config, "--username", USER,
                        "--password-stdin", host, stdin=PASSWORD)
        self.run_client("oras", "push", "--plain-http", *config, f"{host}/team/app:oras",
                        "artifact.txt", cwd=self.home)
        self.run_client("oras", "pull", "--plain-http", *config, f"{host}/team/app:oras",
                        "--output", str(self.home / "oras-pulled"))
        self.run_client("regctl", "registry", "set", host, "--tls", "disabled")
        self.run_client("regctl", "registry", "login", host, "--user", USER, "--pass-stdin",
                        "--skip-check", stdin=PASSWORD)
        self.run_client("regctl", "manifest", "get", f"{host}/team/app:oras")

    def test_anonymous_pull_by_a_token_of_nobody(self) -> None:
        self.login(USER)
        self.push("public/app:v1")
        parts.run("crane", "auth", "logout", self.host, env=self.env)
        self.run_client("crane", "validate", "--remote", f"{self.host}/public/app:v1")
        self.refused("UNAUTHORIZED", "crane", "push", str(self.home / "small"),
                     f"{self.host}/public/app:v2")
        Api(self.host).request("GET", "/v2/public/app/manifests/v1", expect=401)

    def test_scopes_on_the_wire(self) -> None:
        nobody = Api(self.host)
        self.addCleanup(nobody.close)
        base = (f'Bearer realm="{self.service.realm()}",service="the tests\' registry"')
        for method, path, scope in (
                ("GET", "/v2/", ""),
                ("GET", "/v2/_catalog", ',scope="registry:catalog:*"'),
                ("GET", "/v2/a/b/tags/list", ',scope="repository:a/b:pull"'),
                ("POST", "/v2/a/b/blobs/uploads/", ',scope="repository:a/b:pull,push"'),
                ("DELETE", "/v2/a/b/manifests/v1", ',scope="repository:a/b:delete"')):
            answer = nobody.request(method, path, expect=401)
            self.assertEqual(answer.headers["WWW-Authenticate"], base + scope)
        narrow = self.api_with(self.service.token(USER, ["repository:team/app:pull"]))
        answer = narrow.request("POST", "/v2/team/app/blobs/uploads/", body=b"", expect=401)
        self.assertTrue(answer.headers["WWW-Authenticate"].endswith(
            'scope="repository:team/app:pull,push",error="insufficient_scope"'))
        late = self.api_with(self.service.token(USER, [], exp=int(time.time()) - 100))
        answer = late.request("GET", "/v2/", expect=401)
        self.assertTrue(answer.headers["WWW-Authenticate"].endswith('error="invalid_token"'))

    def test_rules_narrow_what_tokens_allow(self) -> None:
        rules = [{"identities": ["user:root"], "repositories": ["ops/**"],
                  "actions": ["pull", "push"]}]
        with Registry(config={"auth": self.service.auth(use_key_set=True),
                              "bunker": {"access": {"rules": rules}}}) as registry:
            def status(user: str, name: str) -> int:
                token = self.service.token(user, [f"repository:{name}:pull"], by_id=True)
                return self.api_with(token, registry.host).request(
                    "GET", f"/v2/{name}/tags/list").status

            self.assertEqual(status("root", "ops/app"), 404)
            self.assertEqual(status("root", "team/app"), 403)
            self.assertEqual(status(USER, "team/app"), 403)
            self.assertEqual(status(USER, "ops/app"), 401)

    def test_keys_change_under_an_open_connection(self) -> None:
        self.addCleanup(lambda: self.login(USER))  # the others go on with the new key
        api = self.api_with(self.service.token(USER, []))
        api.request("GET", "/v2/", expect=200)
        self.service.new_key()
        parts.wait_until(lambda: api.request("GET", "/v2/").status == 401, 5, "the key is gone")
        self.assertFalse(api.lost())
        self.api_with(self.service.token(USER, [])).request("GET", "/v2/", expect=200)
