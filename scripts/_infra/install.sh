# What the checks of infra/ need, pinned, under .sandbox/infra. Sourced by scripts/infra-check.
# Each part is made whole or made again: its stamp is written last.

infra=.sandbox/infra

needs() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null && continue
        case "$tool" in
        terraform) echo "Terraform 1.9 or newer is not installed, and no package registry has it: see its own site" >&2 ;;
        *) echo "$tool is not installed" >&2 ;;
        esac
        exit 2
    done
}

# stale NAME PIN... : whether a part has to be made, for what is in these files.
stale() {
    local name="$1"
    shift
    pins="$(cat "$@" | sha256sum) $(readlink -f "$(command -v python3)")"
    [[ "$(cat "$infra/$name.stamp" 2>/dev/null)" != "$pins" ]]
}

made() { echo "$pins" >"$infra/$1.stamp"; }

install_python() { # NAME REQUIREMENTS
    if stale "$1" "$2"; then
        echo "    installing $2 into $infra/$1 (once)" >&2
        rm -rf "${infra:?}/$1"
        python3 -m venv "$infra/$1"
        "$infra/$1/bin/pip" install --quiet --disable-pip-version-check --no-input --no-deps --requirement "$2"
        made "$1"
    fi
}

install_node() {
    if stale node scripts/_infra/node/package*.json scripts/_infra/install.sh; then
        echo "    installing the IAM simulation and the provider's schema into $infra (once)" >&2
        rm -rf "$infra/node" "$infra/schemas" "$infra/pack"
        mkdir -p "$infra/node" "$infra/pack"
        cp scripts/_infra/node/package*.json "$infra/node/"
        (cd "$infra/node" && npm ci --silent --no-fund --no-audit --ignore-scripts)
        # Packed and not installed: it would be 480 MB, and bring its framework along.
        (cd "$infra/pack" && npm pack --silent @cdktn/provider-aws@25.7.0 >/dev/null)
        echo "b3e5ee2851ae47595a0dedad3678779aebca6d6b5f318ca1902b87ddbef82208  $infra/pack/cdktn-provider-aws-25.7.0.tgz" | sha256sum --check --quiet
        mv "$infra/pack/cdktn-provider-aws-25.7.0.tgz" "$infra/bindings.tgz"
        made node
    fi
}
