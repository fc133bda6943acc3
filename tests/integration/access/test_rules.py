"""bunker.access with passwords: what real clients make of rules, refusals and anonymous pulls."""

from __future__ import annotations

import json

from tests.support import parts
from tests.support.api import OCI_MANIFEST, Api
from tests.support.client_test import PASSWORD, USER, ClientTest
from tests.support.registry import Registry

RULES = [
    {"identities": ["anonymous"], "repositories": ["public/**"], "actions": ["pull"]},
    {"identities": [f"user:{USER}"], "repositories": ["public/**", "team/**"],
     "actions": ["pull", "push"]},
    {"identities": ["user:root"], "repositories": ["**"], "actions": ["pull", "push", "delete"]},
]
IMMUTABLE = [{"repositories": ["team/**"], "tags": ["v*"]}]


class RulesTest(ClientTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.passwords = cls.home / "htpasswd"
        lines = [parts.run("htpasswd", "-nbBC", "4", user, PASSWORD).strip()
                 for user in (USER, "bob", "root")]
        cls.passwords.write_text("\n".join(lines) + "\n")
        cls.rules = cls.home / "access.yml"
        cls.write_rules(RULES)
        cls.guarded = cls.enterClassContext(cls.guarded_registry({"file": str(cls.rules)}))
        cls.host = cls.guarded.host
        cls.run_client("skopeo", "--insecure-policy", "copy", f"oci:{cls.layout.folder}:small",
                       f"oci:{cls.home}/small")

    @classmethod
    def write_rules(cls, rules: list[dict]) -> None:
        cls.rules.write_text(json.dumps({"rules": rules, "immutable": IMMUTABLE}))

    @classmethod
    def guarded_registry(cls, access: dict) -> Registry:
        return Registry(config={
            "auth": {"htpasswd": {"realm": "the tests", "path": str(cls.passwords)}},
            "bunker": {"access": access, "audit": "changes"}})

    def as_user(self, user: str = "") -> Api:
        api = Api(self.host, user, PASSWORD if user else "")
        self.addCleanup(api.close)
        return api

    def login(self, user: str) -> None:
        self.run_client("crane", "auth", "login", self.host, "--username", user,
                        "--password-stdin", stdin=PASSWORD)
        self.run_client("skopeo", "login", "--tls-verify=false", "--username", user,
                        "--password", PASSWORD, self.host)
        self.addCleanup(parts.execute, "crane", "auth", "logout", self.host, env=self.env)
        self.addCleanup(parts.execute, "skopeo", "logout", self.host, env=self.env)

    def push(self, target: str) -> None:
        self.run_client("crane", "push", str(self.home / "small"), f"{self.host}/{target}")

    def test_anonymous_pulls_and_pushes_with_a_login(self) -> None:
        self.login(USER)
        self.push("public/app:v1")
        parts.run("crane", "auth", "logout", self.host, env=self.env)
        parts.run("skopeo", "logout", self.host, env=self.env)
        self.run_client("crane", "validate", "--remote", f"{self.host}/public/app:v1")
        self.run_client("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false",
                        f"docker://{self.host}/public/app:v1", f"dir:{self.home}/pulled")
        self.run_client("oras", "manifest", "fetch", "--plain-http",
                        f"{self.host}/public/app:v1")
        self.refused("UNAUTHORIZED", "crane", "push", str(self.home / "small"),
                     f"{self.host}/public/app:v2")
        self.refused("authentication required", "skopeo", "--insecure-policy", "copy",
                     "--src-tls-verify=false", f"docker://{self.host}/team/app:v1",
                     f"dir:{self.home}/refused")

    def test_denied_is_said_to_clients(self) -> None:
        self.login("bob")
        self.refused("403 forbidden", "crane", "push", str(self.home / "small"),
                     f"{self.host}/team/app:v1")
        said = self.refused("denied", "skopeo", "inspect", "--tls-verify=false",
                            f"docker://{self.host}/team/app:v1")
        self.assertIn("bob", said)

    def test_refusals_on_the_wire(self) -> None:
        nobody, bob = self.as_user(), self.as_user("bob")
        for method, path in (("GET", "/v2/"), ("GET", "/v2/team/app/tags/list"),
                             ("POST", "/v2/public/app/blobs/uploads/")):
            answer = nobody.request(method, path, expect=401)
            self.assertEqual(answer.error_code(), "UNAUTHORIZED")
            self.assertEqual(answer.headers["WWW-Authenticate"], 'Basic realm="the tests"')
        denied = bob.request("GET", "/v2/team/app/tags/list", expect=403)
        self.assertEqual(denied.error_code(), "DENIED")
        self.assertIsNone(denied.headers["WWW-Authenticate"])
        bob.request("GET", "/v2/", expect=200)
        self.as_user("nobody").request("GET", "/v2/public/app/tags/list", expect=401)

    def test_the_catalog_holds_what_one_may_pull(self) -> None:
        self.login("root")
        for name in ("public/listed", "team/listed", "other/listed"):
            self.push(f"{name}:latest")

        def listed(user: str) -> list[str]:
            names = self.as_user(user).request("GET", "/v2/_catalog", expect=200).json()
            return [name for name in names["repositories"] if name.endswith("listed")]

        self.assertEqual(listed(""), ["public/listed"])
        self.assertEqual(listed(USER), ["public/listed", "team/listed"])
        self.assertEqual(listed("root"), ["other/listed", "public/listed", "team/listed"])

    def test_a_mount_takes_nothing_that_one_may_not_pull(self) -> None:
        self.login("root")
        self.push("other/source:v1")
        layer = self.as_user("root").manifest("other/source", "v1").json()["layers"][0]["digest"]
        alice = self.as_user(USER)
        for query in (f"?mount={layer}&from=other/source", f"?mount={layer}"):
            alice.request("POST", f"/v2/team/mounted/blobs/uploads/{query}", body=b"", expect=202)
            self.as_user("root").request(
                "POST", f"/v2/other/mounted/blobs/uploads/{query}", body=b"", expect=201)

    def test_immutable_tags(self) -> None:
        self.login("root")
        self.push("team/fixed:v1")
        self.push("team/fixed:v1")
        root = self.as_user("root")
        image = root.manifest("team/fixed", "v1")
        changed = json.loads(image.body)
        changed["annotations"] = {"a": "b"}
        for method, path, body in (
                ("PUT", "/v2/team/fixed/manifests/v1", json.dumps(changed).encode()),
                ("DELETE", "/v2/team/fixed/manifests/v1", None),
                ("DELETE", "/v2/team/fixed/manifests/" + image.headers["Docker-Content-Digest"],
                 None)):
            answer = root.request(method, path, body, {"Content-Type": OCI_MANIFEST}, expect=403)
            self.assertEqual(answer.error_code(), "DENIED")
            self.assertIn("immutable", answer.json()["errors"][0]["message"])
        self.assertEqual(root.manifest("team/fixed", "v1").body, image.body)

    def test_rules_and_users_change_under_an_open_connection(self) -> None:
        with self.guarded_registry({"file": str(self.rules)}) as registry:
            alice = Api(registry.host, USER, PASSWORD)
            self.addCleanup(alice.close)

            def status() -> int:
                return alice.request("GET", "/v2/team/app/tags/list").status

            self.assertEqual(status(), 404)
            self.addCleanup(self.write_rules, RULES)
            self.write_rules(RULES[:1])
            parts.wait_until(lambda: status() == 403, 5, "the rule is gone")
            self.rules.write_text("rules: [{identities: [alice]")

            def is_seen() -> bool:
                self.assertEqual(status(), 403)
                return "access rules not reloaded" in registry.log_text()

            parts.wait_until(is_seen, 5, "a broken file is seen")
            self.write_rules(RULES)
            parts.wait_until(lambda: status() == 404, 5, "the rule is back")
            kept = self.passwords.read_text()
            self.addCleanup(self.passwords.write_text, kept)
            self.passwords.write_text("\n".join(
                line for line in kept.splitlines() if not line.startswith(USER)) + "\n")
            parts.wait_until(lambda: status() == 401, 5, "the user is gone")
            self.assertFalse(alice.lost())

    def test_the_audit_log(self) -> None:
        root = self.as_user("root")
        root.request("DELETE", "/v2/team/gone/manifests/latest",
                     headers={"X-Request-Id": "audited-1"}, expect=404)
        parts.wait_until(lambda: "audited-1" in self.guarded.log_text(), 5, "the line is written")
        line = next(line for line in self.guarded.log_text().splitlines()
                    if "msg=audit" in line and "audited-1" in line)
        for field in ("audit=true", "action=delete_manifest", "result=failed", "user=root",
                      "repository=team/gone", "reference=latest"):
            self.assertIn(field, line)
        self.assertNotIn(PASSWORD, self.guarded.log_text())

    def test_the_ping_can_be_open(self) -> None:
        with self.guarded_registry({"rules": RULES, "ping": "open"}) as registry:
            nobody = Api(registry.host)
            self.addCleanup(nobody.close)
            nobody.request("GET", "/v2/", expect=200)
            nobody.request("GET", "/v2/team/app/tags/list", expect=401)
