#!/usr/bin/env bash
# The steps of action.yml. Values come from the environment, never from the text of a command; nothing of the reviewed code is run.
set -euo pipefail

folder=${RUNNER_TEMP:?}/guardrail
marker='<!-- guardrail: review -->' # the first line of the comment, as `--format markdown` writes it

notice() { printf '::notice title=guardrail::%s\n' "$1" >&2; }

die() {
    printf '::error title=guardrail::%s\n' "$1" >&2 # standard output may be a value
    exit 2
}

# A value of the event that started the workflow, by its keys; nothing where there is none.
event() {
    python3 -I -c '
import json, sys
value = json.load(open(sys.argv[1], encoding="utf-8"))
for key in sys.argv[2:]:
    value = value.get(key) if isinstance(value, dict) else None
print("" if value is None else value)' "${GITHUB_EVENT_PATH:?}" "$@"
}

install() {
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "${GITHUB_ACTION_PATH:?}"
}

# What the change is compared with: named by the user, by the event, or else the default branch.
base_of_event() {
    local base=''
    case "${GITHUB_EVENT_NAME:-}" in
        pull_request | pull_request_target) base=$(event pull_request base sha) ;;
        merge_group) base=$(event merge_group base_sha) ;;
        push) base=$(event before) ;;
    esac
    if [ -z "${base//0/}" ]; then # a new branch has forty zeros
        base=refs/heads/$(event repository default_branch)
    fi
    printf '%s\n' "$base"
}

# git fetch, with the token of the job where checkout has left no credentials behind.
fetch() {
    if [ -n "${GH_TOKEN:-}" ] && ! git config --get-regexp '^http\..*\.extraheader$' >/dev/null; then
        export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.${GITHUB_SERVER_URL:-https://github.com}/.extraheader"
        GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $(printf 'x-access-token:%s' "$GH_TOKEN" | base64 | tr -d '\n')"
        export GIT_CONFIG_VALUE_0
    fi
    git fetch --quiet --no-tags "$@"
}

# The commit of the base, with as much history as it takes to see where the change left it.
reach() {
    local base=$1 commit depth=64
    if ! commit=$(git rev-parse --quiet --verify --end-of-options "$base^{commit}"); then
        local shallow=()
        if [ "$(git rev-parse --is-shallow-repository)" = true ]; then shallow=(--depth=1); fi
        fetch ${shallow[@]+"${shallow[@]}"} origin "$base" || die "the base $base cannot be fetched"
        commit=$(git rev-parse --verify FETCH_HEAD)
    fi
    until git merge-base "$commit" HEAD >/dev/null; do
        [ "$(git rev-parse --is-shallow-repository)" = true ] || die "HEAD and its base $commit have no history in common"
        if [ "$depth" -gt 4096 ]; then
            fetch --unshallow origin "$commit"
        else
            fetch --deepen="$depth" origin "$commit" "$(git rev-parse HEAD)" || fetch --unshallow origin "$commit"
        fi
        depth=$((depth * 4))
    done
    printf '%s\n' "$commit"
}

check() {
    local base code=0 gate=()
    base=$(reach "${BASE:-$(base_of_event)}")
    rm -rf "$folder/reports"
    mkdir -p "$folder/reports"
    if [ -n "${FAIL_ON:-}" ]; then gate=(--fail-on "$FAIL_ON"); fi
    PATH=$folder/venv/bin:$PATH guardrail check --base "$base" --format github ${gate[@]+"${gate[@]}"} \
        --output "sarif=$folder/reports/guardrail.sarif" --output "html=$folder/reports/guardrail.html" \
        --output "markdown=$folder/reports/guardrail.md" || code=$?
    if [ -s "$folder/reports/guardrail.md" ]; then
        cat "$folder/reports/guardrail.md" >>"${GITHUB_STEP_SUMMARY:?}"
    else
        printf '## guardrail: no answer\n\nThe log of the job says why.\n' >>"${GITHUB_STEP_SUMMARY:?}"
    fi
    {
        printf 'exit-code=%s\n' "$code"
        printf 'base=%s\n' "$base"
        printf 'sarif=%s\n' "$folder/reports/guardrail.sarif"
        printf 'html=%s\n' "$folder/reports/guardrail.html"
        printf 'markdown=%s\n' "$folder/reports/guardrail.md"
    } >>"${GITHUB_OUTPUT:?}"
}

# One comment on the pull request, written anew at each push. The token of a fork may not write: then the summary has to do.
comment() {
    local number body=$folder/reports/guardrail.md comments old
    number=$(event pull_request number)
    if [ -z "$number" ] || [ ! -s "$body" ]; then return 0; fi
    comments=repos/${GITHUB_REPOSITORY:?}/issues/$number/comments
    old=$(gh api --paginate "$comments?per_page=100" \
        --jq ".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$marker\"))) | .id") || old=''
    old=${old%%$'\n'*}
    if [ -n "$old" ]; then
        gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$old" --field "body=@$body" && return 0
    else
        gh api --silent --method POST "$comments" --field "body=@$body" && return 0
    fi
    notice 'The comment could not be written, as is so for a pull request from a fork; the same words are in the summary of the job.'
}

# Alerts for code scanning.
upload() {
    local report=$folder/reports/guardrail.sarif
    if [ ! -s "$report" ]; then return 0; fi
    gzip -c "$report" | base64 | tr -d '\n' >"$folder/reports/upload"
    gh api --silent --method POST "repos/${GITHUB_REPOSITORY:?}/code-scanning/sarifs" \
        --raw-field "commit_sha=${GITHUB_SHA:?}" --raw-field "ref=${GITHUB_REF:?}" --field "sarif=@$folder/reports/upload" ||
        notice 'The alerts could not be uploaded: code scanning is off, or the token may not write security events.'
}

gate() { exit "${CODE:-2}"; } # no answer is not a good one

case "${1:-}" in
    install | check | comment | upload | gate) "$1" ;;
    *) die "no such step: ${1:-}" ;;
esac
