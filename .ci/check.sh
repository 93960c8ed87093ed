#!/usr/bin/env bash
# Every check of this repository, the same here and in CI. Works from any
# directory and needs Go and git only; without a C compiler the tests run
# without the race detector, except in CI (where CI is set), which fails.
# Stops at the first step that fails and lists what each step took.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2
direct=(github.com/Masterminds/semver/v3 github.com/stretchr/testify go.uber.org/goleak)
coverage=95   # percent at least, root package
fuzztime=5s   # a target
patience=120s # an example

# Steps.

formatting() {
	local bad
	bad=$(ours '*.go' | tr '\n' '\0' | xargs -0 -r gofmt -s -l)
	if [[ -n $bad ]]; then
		printf 'not formatted; run gofmt -s -w on:\n%s\n' "$bad"
		return 1
	fi
}

dependencies() {
	local found
	found=$(go list -m -f '{{if not (or .Indirect .Main)}}{{.Path}}{{end}}' all)
	diff --label wanted --label go.mod -u <(printf '%s\n' "${direct[@]}" | sort) <(grep . <<<"$found" | sort)
}

sizes() {
	at_most 120 README.md
	at_most 60 CONTRIBUTING.md
}

at_most() { # lines, file
	local lines
	lines=$(wc -l <"$2")
	echo "$2: $lines lines of at most $1"
	((lines <= $1))
}

root_coverage() {
	if [[ $(go list -f '{{len .TestGoFiles}}{{len .XTestGoFiles}}' .) == 00 ]]; then
		echo "the root package has no tests yet: its coverage is not checked"
		return
	fi
	go test -coverprofile="$scratch/cover" .
	go tool cover -func="$scratch/cover" | awk -v least="$coverage" '
		$NF != "100.0%" { print }
		$1 == "total:"  { total = $NF + 0 }
		END { printf "root package: %.1f %% of at least %d %%\n", total, least; exit(total < least) }'
}

fuzz_all() {
	local files dir names name
	files=$(ours '*_test.go' | tr '\n' '\0' | xargs -0 -r grep -lE '^func Fuzz' || true)
	for dir in $(xargs -r -n 1 dirname <<<"$files" | sort -u); do
		names=$(in_module "$dir" go test -list '^Fuzz' .)
		for name in $(grep '^Fuzz' <<<"$names"); do
			echo "$dir $name"
			fuzz "$dir" "$name"
		done
	done
}

# fuzz runs one target. Before Go 1.27 the fuzzer now and then fails with
# nothing but "context deadline exceeded" when its time is up. The target is run
# again then, until one run is clean, four times at most; an input that fails is
# never forgiven.
fuzz() { # directory, target
	local try
	for try in 1 2 3 4; do
		if in_module "$1" go test -run '^$' -fuzz "^$2\$" -fuzztime "$fuzztime" -fuzzminimizetime 10x . &>"$scratch/fuzz"; then
			tail -n 2 "$scratch/fuzz"
			return
		fi
		if ((try == 4)) || ! grep -q '^ *context deadline exceeded$' "$scratch/fuzz" || grep -qi 'failing input\|panic' "$scratch/fuzz"; then
			cat "$scratch/fuzz"
			return 1
		fi
	done
}

# examples runs every program below examples/ in the directory of its module.
examples() {
	local module packages programs program
	for module in "${modules[@]}"; do
		case $module in
		.) packages=./examples/... ;;
		examples/*) packages=./... ;;
		*) continue ;;
		esac
		[[ -d examples ]] || continue
		programs=$(in_module "$module" go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' "$packages")
		for program in $programs; do
			echo "-- $program"
			in_module "$module" go build -buildvcs=false -o "$scratch/example" "$program"
			in_module "$module" timeout "$patience" "$scratch/example" </dev/null
		done
	done
}

# Tools.

# ours lists tracked files that match a pattern and are no test data.
ours() { git ls-files -- "$1" | sed -E '/(^|\/)testdata\//d'; }

in_module() { # directory, command...
	(cd "$1" && shift && "$@")
}

# step runs a command under a heading and notes its seconds.
step() { # heading, command...
	running=$1 started=$SECONDS
	shift
	printf '\n== %s\n' "$running"
	"$@"
	local took=$((SECONDS - started))
	printf -- '-- %d s\n' "$took"
	printf '%6d  %s\n' "$took" "$running" >>"$scratch/steps"
	running=
}

summary() {
	local status=$?
	[[ -z $running ]] || printf '\n== FAILED after %d s: %s\n' $((SECONDS - started)) "$running"
	if [[ -f $scratch/steps ]]; then
		printf '\n== seconds a step, %d in all\n' "$SECONDS"
		sort -rn "$scratch/steps"
	fi
	rm -rf "$scratch"
	exit "$status"
}

running=
scratch=$(mktemp -d)
trap summary EXIT

tests=(-race -shuffle=on)
if [[ $(go env CGO_ENABLED) != 1 ]]; then
	echo "no C compiler: the race detector cannot run"
	[[ -z ${CI:-} ]] || exit 1
	tests=(-shuffle=on)
fi

found=$(ours '*go.mod')
mapfile -t modules < <(xargs -r -n 1 dirname <<<"$found" | sort)
if ((${#modules[@]} == 0)); then
	echo "no go.mod is tracked by git"
	exit 1
fi
go version
echo "modules: ${modules[*]}"

step "gofmt -s" formatting
step "direct dependencies of the root module" dependencies
step "lengths of README.md and CONTRIBUTING.md" sizes
for module in "${modules[@]}"; do
	step "go mod tidy -diff in $module" in_module "$module" go mod tidy -diff
	step "go vet in $module" in_module "$module" go vet ./...
	step "staticcheck in $module" in_module "$module" go run "$staticcheck" ./...
	step "go test ${tests[*]} in $module" in_module "$module" go test "${tests[@]}" ./...
done
step "coverage of the root package" root_coverage
step "fuzzing, $fuzztime a target" fuzz_all
step "examples" examples
