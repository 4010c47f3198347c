#!/bin/sh
# Runs a command with secrets of Secrets Manager in its environment. Each line of CHECK_SECRETS is
# the name of a variable, the ARN of a secret, a key of its JSON, and the stage and the id of its
# version, of which the last three may be -. Needs the AWS CLI, and jq for a key.
set -eu

read_secret() {
    arn="$1" stage="$2" id="$3"
    set -- --secret-id "$arn" --query SecretString --output text
    if [ "$stage" != - ]; then set -- "$@" --version-stage "$stage"; fi
    if [ "$id" != - ]; then set -- "$@" --version-id "$id"; fi
    aws secretsmanager get-secret-value "$@"
}

while read -r name arn key stage id; do
    [ -n "$name" ] || continue
    value="$(read_secret "$arn" "$stage" "$id")"
    if [ "$key" != - ]; then
        value="$(printf '%s' "$value" | jq --exit-status --raw-output --arg key "$key" '.[$key]')" ||
            { echo "the secret $arn has no key '$key', which $name needs" >&2 && exit 1; }
    fi
    export "$name=$value"
done <<EOF
$CHECK_SECRETS
EOF

exec "$@"
