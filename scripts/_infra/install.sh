# What the checks of infra/ need, pinned, under .sandbox/infra. Sourced by scripts/infra-check and scripts/template-check.
# Each part is made whole or made again: its stamp is written last.

infra=.sandbox/infra

needs() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null && continue
        case "$tool" in
        terraform) echo "Terraform 1.9 or newer is not installed, and no package registry has it: see its own site" >&2 ;;
        java | javac) echo "$tool is not installed: the mapping template's engine needs a JDK, 11 or newer" >&2 ;;
        apt-get | dpkg-deb) echo "$tool is not there: the mapping template's engine is taken from Debian's packages" >&2 ;;
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
        echo "    installing the IAM simulation, GitHub's examples and the provider's schema into $infra (once)" >&2
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

# The engine of the mapping template: unpacked, not installed, so neither root nor the system is touched.
install_velocity() {
    local pins_file=scripts/_infra/velocity/packages.txt package sum to="$infra/velocity"
    if stale velocity scripts/_infra/velocity/* scripts/_infra/install.sh; then
        echo "    unpacking Velocity and JsonPath into $to (once)" >&2
        rm -rf "${to:?}"
        mkdir -p "$to/debs" "$to/classes"
        while read -r package sum; do
            fetch_package "$package" "$sum" "$to/debs"
        done < <(grep -v '^#' "$pins_file")
        for package in "$to"/debs/*.deb; do dpkg-deb --extract "$package" "$to/root"; done
        javac --release 11 -cp "$to/root/usr/share/java/*" -d "$to/classes" scripts/_infra/velocity/Render.java
        rm -rf "$to/debs"
        made velocity
    fi
}

fetch_package() { # PACKAGE=VERSION SUM FOLDER
    # With the user named, apt does not warn that root's folder is closed to its own.
    if ! (cd "$3" && apt-get download -qq -o APT::Sandbox::User=root "$1"); then
        echo "apt does not offer $1, which scripts/_infra/velocity/packages.txt names: apt-get update, or another pin" >&2
        exit 2
    fi
    echo "$2  $(ls "$3/${1%%=*}"_*.deb)" | sha256sum --check --quiet
}
