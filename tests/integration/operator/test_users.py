"""RegistryUsers on a real API server: certificates as Secrets, their rights, renewal, revocation,
and what is said where there can be none."""

from __future__ import annotations

import base64
import pathlib
import tempfile
import unittest

import yaml

from tests.support import operators, parts
from tests.support.kubernetes import ApiError, Kubernetes
from tests.support.operators import Operator, path_of, registry

CLIENTS = {"clientAuth": {"mode": "Required"}}


def user(name: str, of: str, namespace: str = "default", **spec) -> dict:
    return {"apiVersion": "bunker.dev/v1alpha1", "kind": "RegistryUser",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"registry": {"name": of}, **spec}}


def encoded(**files: bytes) -> dict:
    return {name.replace("_", "."): base64.b64encode(text).decode()
            for name, text in files.items()}


class Users(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.kubernetes = cls.enterClassContext(Kubernetes())
        operators.install_types(cls.kubernetes)
        cls.api = cls.kubernetes.api()
        cls.operator = cls.enterClassContext(Operator(cls.kubernetes))
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))

    def apply(self, resource: dict) -> None:
        metadata = resource["metadata"]
        self.api.apply(path_of(resource["kind"], metadata["name"], metadata["namespace"]), resource)

    def make(self, name: str, of: str, **spec) -> None:
        self.apply(user(name, of, **spec))
        self.await_reason(name, "CertificateValid")

    def status(self, name: str, namespace: str = "default") -> dict:
        found = self.api.get(path_of("RegistryUser", name, namespace)) or {}
        return found.get("status", {})

    def await_reason(self, name: str, reason: str, namespace: str = "default") -> str:
        """Waits until Ready gives `reason`; returns its message."""
        found: list[dict] = []

        def said() -> bool:
            found[:] = self.status(name, namespace).get("conditions", [])
            return any(each["reason"] == reason for each in found)

        try:
            parts.wait_until(said, 20, f"{name}: {reason}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {found}\n{self.operator.log()}") from None
        return found[0]["message"]

    def await_other_serial(self, name: str, serial: str) -> str:
        parts.wait_until(lambda: self.status(name).get("serial", serial) != serial, 30,
                         f"{name} has a new certificate")
        return self.status(name)["serial"]

    def await_gone(self, name: str) -> None:
        parts.wait_until(lambda: self.api.get(path_of("RegistryUser", name)) is None, 20,
                         f"{name} is gone")

    def files(self, secret: str) -> dict[str, bytes]:
        data = self.api.get(path_of("Secret", secret))["data"]
        return {name: base64.b64decode(text) for name, text in data.items()}

    def openssl(self, command: str, text: bytes, *arguments: str) -> str:
        path = self.folder / "in.pem"
        path.write_bytes(text)
        return parts.run("openssl", command, *arguments, "-in", str(path))

    def check_signed(self, secret: str, authority: str) -> None:
        (self.folder / "ca.crt").write_bytes(self.files(authority)["ca.crt"])
        (self.folder / "leaf.crt").write_bytes(self.files(secret)["tls.crt"])
        parts.run("openssl", "verify", "-purpose", "sslclient", "-CAfile",
                  str(self.folder / "ca.crt"), str(self.folder / "leaf.crt"))

    def revoked(self, serial: str, authority: str) -> bool:
        crl = self.openssl("crl", self.files(authority)["ca.crl"], "-noout", "-text")
        return f"Serial Number: {serial}".lower() in crl.lower()

    def test_a_user_is_two_secrets_and_a_few_rules(self) -> None:
        self.apply(registry("two", tls=CLIENTS))
        self.make("two-alice", "two", commonName="Alice A", groups=["builders"], rights=[
            {"repositories": ["team/**"], "actions": ["pull", "push"]}])
        program, docker = self.files("two-alice"), self.files("two-alice-docker")
        self.assertEqual({"tls.crt", "tls.key", "ca.crt"}, set(program))
        self.assertEqual({"client.cert", "client.key", "ca.crt"}, set(docker))
        self.assertEqual([program["tls.crt"], program["tls.key"]],
                         [docker["client.cert"], docker["client.key"]])
        self.assertEqual(self.files("two-ca")["bundle.crt"], docker["ca.crt"])
        types = [self.api.get(path_of("Secret", name))["type"]
                 for name in ("two-alice", "two-alice-docker")]
        self.assertEqual(["kubernetes.io/tls", "Opaque"], types)
        subject = self.openssl("x509", program["tls.crt"], "-noout", "-subject", "-serial",
                               "-nameopt", "RFC2253")
        self.assertIn("CN=Alice A,O=builders", subject)
        self.assertIn(f"serial={self.status('two-alice')['serial']}".lower(), subject.lower())
        self.check_signed("two-alice", "two-client-ca")
        # The signer notes what is out, so that no CA is retired before it.
        self.assertIn(self.status("two-alice")["serial"].encode(),
                      self.files("two-client-ca")["state.json"])

        def rules() -> list[dict]:
            text = self.api.get(path_of("ConfigMap", "two-access"))["data"]["access.yml"]
            return yaml.safe_load(text).get("rules", [])

        wanted = {"identities": ["cn:Alice A"], "repositories": ["team/**"],
                  "actions": ["pull", "push"]}
        parts.wait_until(lambda: rules() == [wanted], 20, "its rights are rules")
        line = operators.kubectl(self.kubernetes, "get", "reguser", "two-alice", "--no-headers")
        self.assertRegex(line, r"^two-alice\s+two\s+True\s+CertificateValid\s+20")
        self.api.delete(path_of("RegistryUser", "two-alice"))
        parts.wait_until(lambda: wanted not in rules(), 20, "its rights are gone")

    def test_a_certificate_is_made_anew_when_it_is_due_or_asked_for(self) -> None:
        self.apply(registry("anew", tls=CLIENTS))
        self.make("anew-short", "anew", lifetime="12s")
        self.make("anew-long", "anew")
        first = self.status("anew-short")["serial"]
        second = self.await_other_serial("anew-short", first)
        self.assertIn(second.lower(), self.openssl(
            "x509", self.files("anew-short")["tls.crt"], "-noout", "-serial").lower())
        serial = self.status("anew-long")["serial"]
        path = path_of("RegistryUser", "anew-long")
        self.api.merge(path, {"metadata": {"annotations": {"bunker.dev/renew": "1"}}})
        renewed = self.await_other_serial("anew-long", serial)
        self.assertFalse(self.revoked(serial, "anew-client-ca"))
        self.api.merge(path, {"metadata": {"annotations": {"bunker.dev/replace": "stolen"}}})
        self.await_other_serial("anew-long", renewed)
        self.assertTrue(self.revoked(renewed, "anew-client-ca"))
        # What somebody spoils or deletes comes back.
        self.api.delete(path_of("Secret", "anew-long-docker"))
        parts.wait_until(lambda: self.api.get(path_of("Secret", "anew-long-docker")), 20,
                         "the Secret is back")

    def test_a_deleted_user_is_revoked_before_it_goes(self) -> None:
        self.apply(registry("revoke", tls=CLIENTS))
        self.make("revoke-now", "revoke")
        self.make("revoke-later", "revoke")
        now, later = (self.status(name)["serial"] for name in ("revoke-now", "revoke-later"))
        self.api.delete(path_of("RegistryUser", "revoke-now"))
        self.await_gone("revoke-now")
        self.assertTrue(self.revoked(now, "revoke-client-ca"))
        parts.wait_until(lambda: not self.api.get(path_of("Secret", "revoke-now")), 40,
                         "its Secret is gone")
        # While nobody is there to revoke it, it stays.
        self.operator.stop()
        self.api.delete(path_of("RegistryUser", "revoke-later"))
        self.assertIn("deletionTimestamp",
                      self.api.get(path_of("RegistryUser", "revoke-later"))["metadata"])
        self.assertFalse(self.revoked(later, "revoke-client-ca"))
        self.operator.start()
        self.await_gone("revoke-later")
        self.assertTrue(self.revoked(later, "revoke-client-ca"))
        self.assertTrue(self.revoked(now, "revoke-client-ca"))

    def test_another_ca_signs_anew(self) -> None:
        self.apply(registry("turn", tls=CLIENTS))
        self.make("turn-alice", "turn")
        serial = self.status("turn-alice")["serial"]
        authority = path_of("Secret", "turn-client-ca")
        before = self.api.get(authority)["metadata"]["uid"]
        self.api.delete(authority)
        self.await_other_serial("turn-alice", serial)
        self.assertNotEqual(before, self.api.get(authority)["metadata"]["uid"])
        self.check_signed("turn-alice", "turn-client-ca")

    def test_a_ca_of_ones_own_signs_where_it_is_labelled_and_has_its_key(self) -> None:
        key = parts.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                        "ec_paramgen_curve:P-256").encode()
        (self.folder / "own.key").write_bytes(key)
        certificate = parts.run("openssl", "req", "-x509", "-new", "-key",
                                str(self.folder / "own.key"), "-subj", "/CN=own", "-days", "9",
                                "-addext", "keyUsage=critical,keyCertSign,cRLSign").encode()
        secret = path_of("Secret", "corp")
        self.api.create(path_of("Secret"), {"metadata": {"name": "corp"},
                                            "data": encoded(ca_crt=certificate)})
        self.apply(registry("own", tls={"clientAuth": {"mode": "Required",
                                                       "caSecret": {"name": "corp"}}}))
        self.apply(user("own-alice", "own"))
        self.assertIn("label secret corp bunker.dev/registry=own",
                      self.await_reason("own-alice", "AuthorityOutOfReach"))
        operators.kubectl(self.kubernetes, "label", "secret", "corp", "bunker.dev/registry=own")
        self.assertIn("add the key", self.await_reason("own-alice", "AuthorityWithoutKey"))
        self.api.merge(secret, {"data": encoded(ca_key=key)})
        self.await_reason("own-alice", "CertificateValid")
        self.check_signed("own-alice", "corp")
        serial = self.status("own-alice")["serial"]
        self.api.delete(path_of("RegistryUser", "own-alice"))
        self.await_gone("own-alice")
        self.assertTrue(self.revoked(serial, "corp"))
        self.assertEqual([certificate, key],
                         [self.files("corp")[name] for name in ("ca.crt", "ca.key")])

    def test_a_given_secret_that_changes_rolls_the_pods(self) -> None:
        self.api.create(path_of("Secret"), {
            "metadata": {"name": "keys", "labels": {"bunker.dev/registry": "rolls"}},
            "stringData": {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}})
        resource = registry("rolls")
        resource["spec"]["storage"]["s3"]["credentialsSecret"] = {"name": "keys"}
        self.apply(resource)

        def digest() -> str | None:
            found = self.api.get(path_of("Deployment", "rolls"))
            template = found["spec"]["template"] if found else {"metadata": {}}
            return template["metadata"].get("annotations", {}).get("bunker.dev/config-hash")

        parts.wait_until(digest, 20, "there is a Deployment")
        before = digest()
        self.api.merge(path_of("Secret", "keys"),
                       {"stringData": {"AWS_SECRET_ACCESS_KEY": "rotated"}})
        parts.wait_until(lambda: digest() != before, 20, "the pods are rolled")

    def test_a_user_without_its_registry_is_told_so(self) -> None:
        self.apply(user("early", "late"))
        self.assertIn("there is no valid Registry late in this namespace",
                      self.await_reason("early", "RegistryMissing"))
        # One of that name elsewhere is another one.
        self.api.create("/api/v1/namespaces", {"metadata": {"name": "elsewhere"}})
        self.apply(user("stranger", "late", "elsewhere"))
        self.apply(registry("late"))
        self.assertIn("clientAuth", self.await_reason("early", "ClientsNotAsked"))
        self.apply(registry("late", tls=CLIENTS))
        self.await_reason("early", "CertificateValid")
        self.await_reason("stranger", "RegistryMissing", "elsewhere")

    def test_no_name_takes_what_belongs_to_others(self) -> None:
        self.apply(registry("taken", tls=CLIENTS))
        self.make("taken-alice", "taken")
        website = encoded(tls_crt=b"theirs", tls_key=b"theirs")
        self.api.create(path_of("Secret"), {"metadata": {"name": "website"}, "data": website,
                                            "type": "kubernetes.io/tls"})
        for name in ("website", "taken-client-ca", "taken-alice-docker"):
            path = path_of("Secret", name)
            before = {key: value for key, value in self.files(name).items()
                      if key not in ("state.json", "ca.crl")}
            owners = self.api.get(path)["metadata"].get("ownerReferences")
            self.apply(user(name, "taken"))
            self.assertIn(f"Secret default/{name} is there already and belongs to somebody else",
                          self.await_reason(name, "ApplyFailed"))
            after = self.files(name)
            self.assertEqual(before, {key: after[key] for key in before})
            self.assertEqual(owners, self.api.get(path)["metadata"].get("ownerReferences"))
            self.api.delete(path_of("RegistryUser", name))
            self.await_gone(name)

    def test_what_could_say_more_than_it_should_is_refused(self) -> None:
        right = {"repositories": ["a"], "actions": ["pull"]}
        for name, spec, message in (
                ("a" * 64, {}, "the name goes into a label"),
                ("cn", {"commonName": "alice,O=admins"}, "spec.commonName"),
                ("cn", {"commonName": "alice\nbob"}, "spec.commonName"),
                ("group", {"groups": ["admins/CN=root"]}, "spec.groups"),
                ("right", {"rights": [{**right, "repositories": ['a"]}\n- x']}]}, "repositories"),
                ("right", {"rights": [{**right, "actions": ["admin"]}]}, "actions"),
                ("life", {"lifetime": "-1h"}, "lifetime")):
            with self.subTest(message), self.assertRaises(ApiError) as refused:
                self.apply(user(name, "any", **spec))
            self.assertEqual(422, refused.exception.status)
            self.assertIn(message, refused.exception.message)
        self.apply(user("stays", "one"))
        with self.assertRaises(ApiError) as refused:
            self.apply(user("stays", "other"))
        self.assertIn("a user belongs to one Registry for good", refused.exception.message)


if __name__ == "__main__":
    unittest.main()
