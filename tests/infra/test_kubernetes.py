"""Tests infra/kubernetes offline: against the schemas of Kubernetes and KEDA, and the Terraform.

Each manifest must be valid in the oldest and in the newest version of Kubernetes, and an unknown
field is an error. The fields of KEDA are those of its version 2.20 that the manifests may use.
"""

import copy
import json
import re
import tomllib
import unittest
from typing import Any

import jsonschema
import kubernetes_validate
import yaml
from support import applied

from _infra import terraform
from _infra.paths import INFRA
from _infra.permissions import VARIABLES

FOLDER = INFRA / "kubernetes"
VERSIONS = ("1.31", "1.37")
GENERATED = "branchline"
"""The name of the ConfigMap, to which kustomize adds a hash."""

Json = dict[str, Any]


def _fields(required: list[str], **properties: Any) -> Json:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


TEXT, NUMBER = {"type": "string"}, {"type": "integer", "minimum": 0}
NAMED = _fields(["name"], name=TEXT)
QUEUE = _fields(
    ["queueURL", "awsRegion", "queueLength"],
    queueURL={"type": "string", "pattern": "^https://sqs\\."},
    awsRegion=TEXT,
    queueLength={"type": "string", "pattern": "^[0-9]+$"},
    scaleOnInFlight={"enum": ["true", "false"]},
)
TRIGGER = _fields(["type", "metadata", "authenticationRef"], type={"const": "aws-sqs-queue"}, metadata=QUEUE, authenticationRef=NAMED)
SCALED = _fields(
    ["scaleTargetRef", "triggers"],
    scaleTargetRef=NAMED,
    triggers={"type": "array", "items": TRIGGER},
    **dict.fromkeys(("pollingInterval", "cooldownPeriod", "minReplicaCount", "maxReplicaCount"), NUMBER),
)
AUTHENTICATION = _fields(["podIdentity"], podIdentity=_fields(["provider"], provider={"enum": ["aws", "none"]}))
KEDA = {"ScaledObject": SCALED, "TriggerAuthentication": AUTHENTICATION}


def manifests() -> list[Json]:
    """Returns the manifests that kustomization.yaml lists."""
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    return [each for name in listed for each in yaml.safe_load_all((FOLDER / name).read_text())]


def one(kind: str) -> Json:
    """Returns the only manifest of a kind."""
    (found,) = (each for each in manifests() if each["kind"] == kind)
    return found


def check(manifest: Json) -> None:
    """Raises an error if a manifest is not valid."""
    if manifest["apiVersion"] == "keda.sh/v1alpha1":
        schema = _fields(["metadata", "spec"], apiVersion=TEXT, kind=TEXT, metadata=NAMED, spec=KEDA[manifest["kind"]])
        jsonschema.validate(manifest, schema)
        return
    for version in VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)


class Kubernetes(unittest.TestCase):
    """The manifests."""

    def test_every_manifest_is_valid(self) -> None:
        """Every file is listed, and every manifest has a known kind."""
        listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
        self.assertEqual({*listed, "kustomization.yaml"}, {file.name for file in FOLDER.glob("*.yaml")})
        for manifest in manifests():
            with self.subTest(manifest["kind"]):
                check(manifest)

    def test_a_faulty_manifest_is_not(self) -> None:
        """An unknown field is an error in both kinds of schema."""
        for kind in ("Deployment", "ScaledObject"):
            for change in ({"replica": 2}, {"minReplicas": 1}):
                wrong = copy.deepcopy(one(kind))
                wrong["spec"] |= change
                with self.subTest(kind), self.assertRaises((jsonschema.ValidationError, kubernetes_validate.ValidationError)):
                    check(wrong)

    def test_the_pod_satisfies_the_restricted_profile(self) -> None:
        """The namespace enforces it. No capability, no write, no token of Kubernetes."""
        labels = one("Namespace")["metadata"]["labels"]
        self.assertEqual(labels["pod-security.kubernetes.io/enforce"], "restricted")
        pod = one("Deployment")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        self.assertEqual(
            container["securityContext"],
            {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        )
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertFalse(pod["automountServiceAccountToken"])

    def test_it_agrees_with_the_task_on_fargate(self) -> None:
        """The user, the command, the time to stop and the messages for each task are the same."""
        (task,) = json.loads(applied()["aws_ecs_task_definition.consumer"]["container_definitions"])
        pod = one("Deployment")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        security = pod["securityContext"]
        self.assertEqual(f"{security['runAsUser']}:{security['runAsGroup']}", task["user"])
        self.assertEqual(container["args"][: len(task["command"])], task["command"])
        self.assertGreaterEqual(pod["terminationGracePeriodSeconds"], task["stopTimeout"])

    def test_the_pod_has_the_secrets_of_the_configuration(self) -> None:
        """Of that beside it, and of the module's with nothing but a webhook secret."""
        runs = terraform.Terraform("kubernetes")
        self.addCleanup(runs.close)
        alone = {"github": {}, "secrets": {}, "rules": [VARIABLES["rules"][0] | {"secrets": None}]}
        runs.apply(VARIABLES | alone | {"environment": {}})
        (container,) = one("Deployment")["spec"]["template"]["spec"]["containers"]
        given = {each["name"] for each in container["env"] if "valueFrom" in each}
        for text in ((FOLDER / "branchline.toml").read_text(), runs.outputs()["configuration"]):
            self.assertEqual(set(re.findall(r'"env:(\w+)"', text)), given)

    def test_keda_reads_the_queues_that_the_daemon_polls(self) -> None:
        """Both are in the configuration, in the same Region."""
        configuration = tomllib.loads((FOLDER / "branchline.toml").read_text())
        polled = {configuration["queue"]["url"], configuration["queue"]["internal_url"]}
        triggers = one("ScaledObject")["spec"]["triggers"]
        self.assertEqual({each["metadata"]["queueURL"] for each in triggers}, polled)
        self.assertEqual({each["metadata"]["awsRegion"] for each in triggers}, {configuration["aws"]["region"]})
        names = {each["authenticationRef"]["name"] for each in triggers}
        self.assertEqual(names, {one("TriggerAuthentication")["metadata"]["name"]})

    def test_the_parts_refer_to_each_other(self) -> None:
        """The target, the service account, the ConfigMap and the selector have the same names."""
        deployment = one("Deployment")
        pod = deployment["spec"]["template"]
        self.assertEqual(one("ScaledObject")["spec"]["scaleTargetRef"]["name"], deployment["metadata"]["name"])
        self.assertEqual(pod["spec"]["serviceAccountName"], one("ServiceAccount")["metadata"]["name"])
        self.assertEqual(deployment["spec"]["selector"]["matchLabels"], pod["metadata"]["labels"])
        self.assertEqual(one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"], pod["metadata"]["labels"])
        (generator,) = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["configMapGenerator"]
        (volume,) = pod["spec"]["volumes"]
        self.assertEqual((generator["name"], volume["configMap"]["name"]), (GENERATED, GENERATED))
        self.assertEqual(generator["files"], ["branchline.toml"])


if __name__ == "__main__":
    unittest.main()
