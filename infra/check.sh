#!/bin/sh
# Runs a command with secrets of Secrets Manager in its environment. Each line of CHECK_SECRETS is
# the name of a variable, the ARN of a secret, and perhaps a key of its JSON. Needs the AWS CLI, and
# jq for a key.
set -eu

while read -r name arn key; do
    [ -n "$name" ] || continue
    value="$(aws secretsmanager get-secret-value --secret-id "$arn" --query SecretString --output text)"
    if [ -n "$key" ]; then
        value="$(printf '%s' "$value" | jq --exit-status --raw-output --arg key "$key" '.[$key]')"
    fi
    export "$name=$value"
done <<EOF
$CHECK_SECRETS
EOF

exec "$@"
