"""Questions about pipelines: reading them back, names in use, tags, and errors."""

import json
import time

from ..asking import Answer, Asking, Questions
from ..probes import milliseconds, refusal

QUESTIONS = Questions()
ask = QUESTIONS.add

TAG = {"key": "acceptance", "value": "yes"}
NO_ROLE = "branchline-acceptance-no-such-role"


@ask(
    "tags-read-back",
    "How long after CreatePipeline does ListTagsForResource show the tags?",
    assumed="within five minutes, in which a pipeline without tags is not judged",
    where="docs/decisions/0045-a-new-pipeline-without-tags-is-not-judged.md",
)
def tags_read_back(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name = asking.probes.create([TAG])
    created = time.monotonic()
    arn = client.get_pipeline(name=name)["metadata"]["pipelineArn"]
    reads = 0

    def shown() -> bool:
        nonlocal reads
        reads += 1
        return TAG in client.list_tags_for_resource(resourceArn=arn)["tags"]

    if not asking.place.watch(shown, 300):
        return Answer.of(f"not within 300 s, in {reads} reads", holds=False)
    return Answer.of(f"after {milliseconds(created)}, at read {reads}", holds=True)


@ask(
    "read-after-create",
    "Does GetPipeline find a pipeline as soon as CreatePipeline has answered?",
    assumed="nothing: the table says what exists, and a template is older",
    where="ARCHITECTURE.md",
)
def read_after_create(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name = asking.probes.create()
    refused = refusal(lambda: client.get_pipeline(name=name))
    return Answer.noted(f"no: {refused[0]}" if refused else "yes")


@ask(
    "read-after-delete",
    "Does GetPipeline still find a pipeline after DeletePipeline has answered?",
    assumed="nothing",
    where="ARCHITECTURE.md",
)
def read_after_delete(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name = asking.probes.create()
    client.delete_pipeline(name=name)
    refused = refusal(lambda: client.get_pipeline(name=name))
    return Answer.noted("no" if refused else "yes")


@ask(
    "name-in-use",
    "What does CreatePipeline answer for a name that is in use?",
    assumed="PipelineNameInUseException, or InvalidStructureException with 'already exists'",
    where="src/aws/codepipeline.rs",
)
def name_in_use(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    declaration = asking.probes.declaration(asking.probes.create())
    refused = refusal(lambda: client.create_pipeline(pipeline=declaration))
    if refused is None:
        return Answer.of("it is accepted", holds=False)
    code, message = refused
    known = code == "PipelineNameInUseException"
    known |= code == "InvalidStructureException" and "already exists" in message
    return Answer.of(f"{code}: {message}", holds=known)


@ask(
    "default-type",
    "Which type has a pipeline that was created without one?",
    assumed="V1",
    where="src/domain/clone/pipeline_type.rs",
)
def default_type(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name = asking.probes.create(pipelineType=None)
    found = client.get_pipeline(name=name)["pipeline"].get("pipelineType", "none, which is V1")
    return Answer.of(found, holds=found.endswith("V1"))


@ask(
    "missing-pipelines",
    "What do calls about a pipeline answer that does not exist?",
    assumed="deleting succeeds; the others answer PipelineNotFoundException, and UpdatePipeline, "
    "whose model has no such error, that or ResourceNotFoundException",
    where="src/aws/codepipeline.rs",
)
def missing_pipelines(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name = asking.probes.name()
    declaration = asking.probes.declaration(name)
    refused = {
        "delete": refusal(lambda: client.delete_pipeline(name=name)),
        "get": refusal(lambda: client.get_pipeline(name=name)),
        "start": refusal(lambda: client.start_pipeline_execution(name=name)),
        "list": refusal(lambda: client.list_pipeline_executions(pipelineName=name)),
        "update": refusal(lambda: client.update_pipeline(pipeline=declaration)),
    }
    codes = {call: found[0] if found else "succeeds" for call, found in refused.items()}
    missing = "PipelineNotFoundException"
    known = {call: [missing] for call in codes}
    known |= {"delete": ["succeeds"], "update": [missing, "ResourceNotFoundException"]}
    holds = all(code in known[call] for call, code in codes.items())
    return Answer.of(", ".join(f"{call}: {code}" for call, code in codes.items()), holds=holds)


@ask(
    "role-not-assumable",
    "What does CreatePipeline answer for a role that CodePipeline cannot assume?",
    assumed="InvalidStructureException with 'AssumeRole' in its text, which is retried a while",
    where="src/aws/fault.rs",
)
def role_not_assumable(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name = asking.probes.name()
    account = asking.probes.role.split(":")[4]
    role = f"arn:aws:iam::{account}:role/{NO_ROLE}"
    declaration = asking.probes.declaration(name, roleArn=role)
    refused = refusal(lambda: client.create_pipeline(pipeline=declaration))
    if refused is None:
        return Answer.of("it is accepted", holds=False)
    code, message = refused
    known = code == "InvalidStructureException" and "AssumeRole" in message
    return Answer.of(f"{code}: {message}", holds=known)


@ask(
    "refused-tags",
    "Does a pipeline exist after CreatePipeline has refused its tags?",
    assumed="no; the code is InvalidTagsException or ValidationException",
    where="src/aws/fault.rs",
)
def refused_tags(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name = asking.probes.name()
    declaration = asking.probes.declaration(name)
    tags = [{"key": "acceptance", "value": "a;b"}]
    refused = refusal(lambda: client.create_pipeline(pipeline=declaration, tags=tags))
    if refused is None:
        return Answer.of("they are accepted", holds=False)
    exists = refusal(lambda: client.get_pipeline(name=name)) is None
    known = refused[0] in ("InvalidTagsException", "ValidationException")
    text = f"{refused[0]}, and the pipeline {'exists' if exists else 'does not exist'}"
    return Answer.of(text, holds=known and not exists)


@ask(
    "masked-token",
    "How does GetPipeline show the token of a GitHub source of version 1?",
    assumed="as '****', which a clone must not have",
    where="src/domain/clone/declaration.rs",
)
def masked_token(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    name = asking.probes.name()
    declaration = asking.probes.declaration(name, pipelineType="V1")
    owner, _, repository = asking.place.repository.partition("/")
    declaration["stages"][0]["actions"][0] |= {
        "actionTypeId": {
            "category": "Source",
            "owner": "ThirdParty",
            "provider": "GitHub",
            "version": "1",
        },
        "configuration": {
            "Owner": owner,
            "Repo": repository,
            "Branch": asking.place.base,
            "OAuthToken": "not-a-token-of-anyone",
            "PollForSourceChanges": "false",
        },
    }
    refused = refusal(lambda: client.create_pipeline(pipeline=declaration))
    if refused:
        return Answer.unasked(f"CreatePipeline refuses it: {refused[0]}: {refused[1]}")
    found = client.get_pipeline(name=name)["pipeline"]["stages"][0]["actions"][0]
    shown = json.dumps(found["configuration"].get("OAuthToken"))
    return Answer.of(shown, holds=shown == '"****"')


@ask(
    "rate",
    "Are ten calls a second throttled?",
    assumed="no: `codepipeline_rate` is 10 by default, and AWS publishes no rate",
    where="src/config/limits.rs",
)
def rate(asking: Asking) -> Answer:
    client = asking.place.client("codepipeline")
    refused = []
    started = time.monotonic()
    for number in range(50):
        time.sleep(max(0, started + number / 10 - time.monotonic()))
        found = refusal(lambda: client.get_pipeline(name=asking.place.template))
        if found:
            refused.append(found[0])
    seconds = time.monotonic() - started
    text = f"50 calls in {seconds:.1f} s: {len(refused)} refused {sorted(set(refused)) or ''}"
    return Answer.of(text.strip(), holds=not refused)
