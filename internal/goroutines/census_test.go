// SPDX-License-Identifier: Apache-2.0

package goroutines_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/plugreg/plugreg/internal/goroutines"
)

// at is a time of sweeps, in seconds.
func at(seconds int) time.Time { return time.Unix(1_000_000+int64(seconds), 0) }

// group writes one record: so many goroutines with the label of an epoch (empty: none) and these functions, innermost
// first.
func group(count int, epoch string, functions ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d @ 0x1\n", count)
	if epoch != "" {
		fmt.Fprintf(&b, "# labels: {%q:%q}\n", goroutines.EpochLabel, epoch)
	}
	for i, f := range functions {
		fmt.Fprintf(&b, "#\t0x1\t%s+0x1\t/x.go:%d\n", f, i+1)
	}
	return b.String() + "\n"
}

// inPhase is a group that the phase init started.
func inPhase(group string) string { return strings.Replace(group, "}", `, "phase":"init"}`, 1) }

func profile(t testing.TB, groups ...string) goroutines.Profile {
	p, err := goroutines.Parse([]byte(total1 + strings.Join(groups, "")))
	require.NoError(t, err)
	require.Zero(t, p.Skipped)
	return p
}

var (
	call   = here + ".guarded"
	plain  = here + ".unlabelled"
	helper = here + ".worker"
)

// summary is what a report says of its leaks: owner, epoch, count.
func summary(r goroutines.Report) (all []string) {
	for _, l := range r.Leaks {
		line := fmt.Sprintf("%s-%d %d", l.Owner, l.Epoch, l.Count)
		if l.ByFrames {
			line += " by frames"
		}
		if l.Held {
			line += " held"
		}
		if l.Phase != "" {
			line += " " + l.Phase
		}
		all = append(all, line)
	}
	return all
}

// One profile that does not change between two sweeps: who is accused of what.
func TestWhoIsAccused(t *testing.T) {
	t.Parallel()
	a := goroutines.Owner{ID: "a", Package: "example.com/a", Epoch: 5}
	b := goroutines.Owner{ID: "b", Package: "example.com/b.v2", Epoch: 5}
	twin := goroutines.Owner{ID: "twin", Package: "example.com/a", Epoch: 5}
	closed := goroutines.Owner{ID: "a", Epoch: 5, Closed: true}
	tests := []struct {
		name   string
		owners []goroutines.Owner
		groups []string
		want   []string
		young  int
	}{
		{"a raw goroutine of an epoch before", nil, []string{group(3, "a-4", "example.com/a.loop")}, []string{"a-4 3"}, 0},
		{"of the epoch that runs", nil, []string{group(3, "a-5", "example.com/a.loop")}, nil, 3},
		{"of a later one", nil, []string{group(3, "a-6", "example.com/a.loop")}, nil, 3},
		{"of the last epoch of an owner that is closed", []goroutines.Owner{closed}, []string{group(3, "a-5", "p.loop")}, []string{"a-5 3"}, 0},
		{"code of others, with a label", nil, []string{group(1, "a-1", "net.Dial", "lib.go")}, []string{"a-1 1"}, 0},
		{"no frames at all", nil, []string{group(2, "a-1")}, []string{"a-1 2"}, 0},
		{"a call", nil, []string{group(3, "a-1", "example.com/a.Do", call, "x.root")}, nil, 0},
		{"a call of the epoch is in flight", nil, []string{group(1, "a-1", "p.loop"), group(1, "a-2", "p.loop"), group(1, "a-1", call)}, []string{"a-2 1"}, 1},
		{"a call of another owner's same epoch", nil, []string{group(1, "a-1", "p.loop"), group(1, "b-1", call)}, []string{"a-1 1"}, 0},
		{"an inline call with labels", nil, []string{group(1, "a-1", "p.loop"), group(1, "a-1", "example.com/a.Do", plain, "main.main")}, nil, 1},
		{"a worker", nil, []string{group(1, "a-1", "p.serve", helper)}, nil, 0},
		{"what a worker's epoch left", nil, []string{group(1, "a-1", "p.serve", helper), group(2, "a-1", "p.conn"), group(2, "a-2", "p.conn")}, []string{"a-1 2 held", "a-2 2"}, 0},
		{"a pool", nil, []string{group(4, "a-1", "internal/poll.wait", "net/http.(*persistConn).readLoop")}, nil, 0},
		{"blocked in a pool's code", nil, []string{group(4, "a-1", "database/sql.(*DB).conn", "p.query")}, []string{"a-1 4"}, 0},
		{"what the owner ignores", []goroutines.Owner{{ID: "a", Epoch: 5, Ignore: []string{"p.metrics"}}, b},
			[]string{group(1, "a-1", "x.f", "p.metricsLoop", "p.root"), group(1, "b-1", "x.f", "p.metricsLoop"), group(2, "a-1", "p.x")}, []string{"a-1 2", "b-1 1"}, 0},
		{"somebody else's label", nil, []string{group(1, "other-1", "example.com/a.loop")}, nil, 0},
		{"a label that is not ours", nil, []string{group(1, "yesterday", "p.loop"), group(1, "a-x", "p.loop"), group(1, "-1", "p.loop")}, nil, 0},
		{"no label, the package of one", nil, []string{group(1, "", "time.Sleep", "example.com/a.tick", "time.goFunc")}, []string{"a-0 1 by frames"}, 0},
		{"a label that is not ours, the package of one", nil, []string{group(1, "2024-x", "example.com/a/deep/down.(*T[...]).tick")}, []string{"a-0 1 by frames"}, 0},
		{"a package with a dot", nil, []string{group(1, "", "example.com/b%2ev2.(*T).tick.func1"), group(1, "", "example.com/b.v2/sub.F")}, []string{"b-0 1 by frames", "b-0 1 by frames"}, 0},
		{"a package that only begins alike", nil, []string{group(1, "", "example.com/ab.F"), group(1, "", "example.com.F"), group(1, "", "F"), group(1, "", "example.com/a")}, nil, 0},
		{"no label, the packages of two", nil, []string{group(1, "", "example.com/a.F", "example.com/b%2ev2.F"), group(2, "", "example.com/b%2ev2.F", "example.com/a.F")},
			[]string{"-0 2 by frames", "-0 1 by frames"}, 0},
		{"no label, one package of two owners", []goroutines.Owner{a, twin}, []string{group(2, "", "example.com/a.F")}, []string{"-0 2 by frames"}, 0},
		{"no label, a pool", nil, []string{group(1, "", "example.com/a.Hook", "database/sql.(*DB).connectionOpener")}, nil, 0},
		{"no label, an ignored function", []goroutines.Owner{{ID: "a", Package: "example.com/a", Ignore: []string{"example.com/a.b"}}},
			[]string{group(1, "", "example.com/a.background"), group(1, "", "example.com/a.b", "x.root"), group(1, "", "example.com/a.F")}, []string{"a-0 1 by frames"}, 0},
		{"of a phase", nil, []string{inPhase(group(2, "a-1", "p.loop")), group(1, "a-1", "p.loop")}, []string{"a-1 2 init", "a-1 1"}, 0},
		{"a phase is in flight", nil, []string{inPhase(group(2, "a-1", "p.loop")), inPhase(group(2, "a-1", call)), group(1, "a-1", "p.loop")}, []string{"a-1 1"}, 2},
		{"a worker that a phase started", nil, []string{inPhase(group(2, "a-1", "p.loop")), inPhase(group(2, "a-1", helper)), group(1, "a-1", "p.loop")}, []string{"a-1 2 held init", "a-1 1"}, 0},
		{"the host's package", []goroutines.Owner{{ID: "a", Package: "main", Epoch: 5}}, []string{group(1, "", "main.main", "runtime.main")}, nil, 0},
		{"a package above and one below", []goroutines.Owner{{ID: "above", Package: "example.com"}, b}, []string{group(1, "", "example.com/b%2ev2/c.F"), group(1, "", "example.com/x.F")},
			[]string{"above-0 1 by frames", "b-0 1 by frames"}, 0},
		{"no label, in a call without labels", nil, []string{group(1, "", "example.com/a.Do", plain, "main.main")}, nil, 0},
		{"no label, beside a call without labels", nil, []string{group(1, "", "example.com/a.tick"), group(1, "", "example.com/a.Do", plain, "main.main"), group(1, "a-1", "p.loop")},
			[]string{"a-1 1"}, 1},
		{"no label, beside a call with labels", nil, []string{group(1, "", "example.com/a.tick"), group(1, "a-5", "example.com/a.Do", call)}, []string{"a-0 1 by frames"}, 0},
		{"a call that lost its labels", nil, []string{group(1, "a-1", "p.loop"), group(1, "", "example.com/a.Do", call)}, nil, 1},
		{"a call within a call, with labels", nil, []string{group(1, "a-1", "p.loop"), group(1, "b-1", "p.loop"), group(1, "b-2", "p.loop"),
			group(1, "b-1", "example.com/b%2ev2.Do", plain, "example.com/a.Do", call)}, []string{"b-2 1"}, 2},
		{"a call with labels from within another's code", nil, []string{group(1, "a-1", "p.loop"), group(1, "b-1", "example.com/b%2ev2.Do", plain, "example.com/a.loop")}, nil, 1},
		{"a call within a call, without labels", nil, []string{group(1, "b-1", "p.loop"), group(1, "a-1", "example.com/b%2ev2.Do", plain, "example.com/a.Do", call)}, []string{"b-1 1"}, 0},
		{"a call of somebody else's sandbox", nil, []string{group(1, "a-1", "p.loop"), group(1, "other-1", "example.com/a.Do", call)}, nil, 1},
		{"a number that is too large", nil, []string{group(1, "a-99999999999999999999", "p.loop")}, nil, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			owners := test.owners
			if owners == nil {
				owners = []goroutines.Owner{a, b}
			}
			census, p := goroutines.NewCensus(rules(), time.Second), profile(t, test.groups...)
			first := census.Sweep(at(0), p, owners)
			require.Empty(t, first.Leaks, "nobody is accused at first sight")
			second := census.Sweep(at(1), p, owners)
			require.Equal(t, test.want, summary(second))
			require.Equal(t, test.young, second.Young)
			require.Zero(t, second.Suspects)
			require.Equal(t, test.young > 0, census.Pending())
			for _, l := range second.Leaks {
				require.Equal(t, time.Second, l.Age)
			}
		})
	}
}

// A stack that is cut off hides the call it may belong to.
func TestAStackThatIsCutOffIsACall(t *testing.T) {
	t.Parallel()
	p := profile(t, group(1, "a-1", "p.recurse"), group(2, "a-1", "p.loop"), group(1, "a-2", "p.loop"))
	p.Records[0].Cut = true
	census, owners := goroutines.NewCensus(rules(), 0), []goroutines.Owner{{ID: "a", Epoch: 5}}
	census.Sweep(at(0), p, owners)
	report := census.Sweep(at(1), p, owners)
	require.Equal(t, []string{"a-2 1"}, summary(report))
	require.Equal(t, 1, report.InFlight)
}

func TestUnreadableLabelsAccuseNobody(t *testing.T) {
	t.Parallel()
	text := total1 + "3 @ 0x1\n# labels: ???\n#\t0x1\texample.com/a.F+0x1\t/x:1\n"
	p, err := goroutines.Parse([]byte(text))
	require.NoError(t, err)
	census, owners := goroutines.NewCensus(rules(), 0), []goroutines.Owner{{ID: "a", Package: "example.com/a", Epoch: 5}}
	census.Sweep(at(0), p, owners)
	report := census.Sweep(at(1), p, owners)
	require.Empty(t, report.Leaks)
	require.Equal(t, 3, report.Unreadable)
}

func TestTallies(t *testing.T) {
	t.Parallel()
	p := profile(t, group(1, "a-1", call), group(2, "a-1", helper), group(4, "a-1", "p.loop"), group(8, "a-1", "os/signal.loop"),
		group(16, "", "example.com/a.F"), group(32, "b-1", "p.loop"), group(64, "b-7", "p.loop"), group(128, "", "host.F"), group(256, "", call))
	report := goroutines.NewCensus(rules(), 0).Sweep(at(0), p, []goroutines.Owner{{ID: "a", Package: "example.com/a", Epoch: 2}, {ID: "b", Epoch: 2}, {ID: "c"}})
	require.Equal(t, []goroutines.Tally{{Calls: 1, Workers: 2, Raw: 4, Shared: 8, Frames: 16}, {Raw: 96}, {}}, report.Owners)
	require.Equal(t, 257, report.InFlight)
	require.Equal(t, 32+16, report.Suspects)
	require.Equal(t, 4+64, report.Young)
}

// step is one sweep: when, how many goroutines it sees, and how many are leaks then.
type step struct{ at, see, leaked int }

func TestTwoSweepsInARow(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		steps []step
	}{
		{"the lesser of both", []step{{0, 5, 0}, {10, 3, 3}, {20, 8, 3}, {30, 8, 8}}},
		{"gone in between", []step{{0, 5, 0}, {10, 0, 0}, {20, 5, 0}, {30, 5, 5}}},
		{"gone at last", []step{{0, 5, 0}, {10, 5, 5}, {20, 0, 0}}},
		{"too soon", []step{{0, 5, 0}, {9, 5, 0}, {10, 5, 5}}},
		{"fewer within the grace", []step{{0, 5, 0}, {3, 2, 0}, {10, 5, 2}, {20, 5, 5}}},
		{"gone within the grace", []step{{0, 5, 0}, {3, 0, 0}, {6, 5, 0}, {10, 5, 0}, {16, 5, 5}}},
		{"asked again at once", []step{{0, 5, 0}, {10, 5, 5}, {10, 5, 5}, {11, 4, 4}, {12, 9, 4}, {20, 9, 4}, {30, 9, 9}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			census, owners := goroutines.NewCensus(rules(), 10*time.Second), []goroutines.Owner{{ID: "a", Epoch: 5}}
			for _, s := range test.steps {
				var groups []string
				if s.see > 0 {
					groups = append(groups, group(s.see, "a-1", "p.loop"))
				}
				report := census.Sweep(at(s.at), profile(t, groups...), owners)
				leaked := 0
				for _, l := range report.Leaks {
					leaked += l.Count
				}
				require.Equal(t, s.leaked, leaked, "at %d", s.at)
				require.Equal(t, s.see-s.leaked, report.Suspects, "at %d", s.at)
				require.Equal(t, s.see > s.leaked, census.Pending())
			}
		})
	}
}

func TestAgeIsSinceTheFirstSight(t *testing.T) {
	t.Parallel()
	census, owners := goroutines.NewCensus(rules(), 10*time.Second), []goroutines.Owner{{ID: "a", Epoch: 5}}
	for _, second := range []int{0, 10, 15, 35} {
		report := census.Sweep(at(second), profile(t, group(1, "a-1", "p.loop")), owners)
		if second > 0 {
			require.Equal(t, time.Duration(second)*time.Second, report.Leaks[0].Age)
		}
	}
}

// Records with other labels of the plugin's own, or on other lines, are one leak, with the stack of most of them.
func TestEqualStacksAreOneLeak(t *testing.T) {
	t.Parallel()
	few, most := group(2, "a-1", "p.f", "p.loop"), strings.ReplaceAll(group(3, "a-1", "p.f", "p.loop"), ".go:", ".go:4")
	p := profile(t, few, most, few, group(1, "a-1", "p.loop"))
	census, owners := goroutines.NewCensus(rules(), 0), []goroutines.Owner{{ID: "a", Epoch: 5}}
	census.Sweep(at(0), p, owners)
	report := census.Sweep(at(1), p, owners)
	require.Equal(t, []string{"a-1 7", "a-1 1"}, summary(report))
	require.Equal(t, "p.f\n\t/x.go:41\np.loop\n\t/x.go:42\n", goroutines.Format(report.Leaks[0].Frames))
}

// Goroutines that do something else each time are leaks as well: as many as there always are.
func TestThoseThatMoveAreAccused(t *testing.T) {
	t.Parallel()
	census, owners := goroutines.NewCensus(rules(), time.Second), []goroutines.Owner{{ID: "a", Epoch: 9}}
	look := func(second int, groups ...string) []string {
		return summary(census.Sweep(at(second), profile(t, groups...), owners))
	}
	require.Empty(t, look(0, group(2, "a-1", "p.spin", "p.leak"), group(1, "a-1", "p.wait")))
	require.Equal(t, []string{"a-1 1", "a-1 2"}, sorted(look(1, group(1, "a-1", "p.run", "p.leak"), group(1, "a-1", "p.sleep", "p.leak"), group(1, "a-1", "p.wait"))))
	require.False(t, census.Pending())
	require.Equal(t, []string{"a-1 1", "a-1 1"}, sorted(look(2, group(1, "a-1", "p.jump", "p.leak"), group(1, "a-1", "p.wait"))), "one of them has ended")
	require.Equal(t, []string{"a-1 1"}, look(3, group(1, "a-1", "p.wait")))
}

func sorted(list []string) []string { slices.Sort(list); return list }

func TestAnOwnerThatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	p := profile(t, group(1, "a-1", "p.loop"))
	census, owners := goroutines.NewCensus(rules(), 0), []goroutines.Owner{{ID: "a", Epoch: 5}}
	census.Sweep(at(0), p, owners)
	require.Empty(t, census.Sweep(at(1), p, nil).Leaks)
	require.False(t, census.Pending())
	require.Empty(t, census.Sweep(at(2), p, owners).Leaks)
	require.Len(t, census.Sweep(at(3), p, owners).Leaks, 1)
}

func TestProve(t *testing.T) {
	t.Parallel()
	p := profile(t, group(5, "a-1", "p.f"), group(5, "a-2", "p.f"), group(5, "a-2", "p.g"), group(5, "", "example.com/a.F"))
	census, owners := goroutines.NewCensus(rules(), 0), []goroutines.Owner{{ID: "a", Package: "example.com/a", Epoch: 5}}
	report := census.Sweep(at(0), p, owners)
	report.Prove(p)
	require.Empty(t, report.Leaks)
	report = census.Sweep(at(1), p, owners)
	report.Prove(profile(t, group(2, "a-1", "p.f"), group(9, "a-2", "p.g"), group(1, "", "example.com/a.F"), group(1, "a-3", "p.f")))
	proven := map[string]int{}
	for _, l := range report.Leaks {
		proven[fmt.Sprint(l.Epoch, l.Frames[0].Func)] = l.Proven
	}
	require.Equal(t, map[string]int{"1p.f": 2, "2p.f": 0, "2p.g": 5, "0example.com/a.F": 1}, proven)
}

// The same input in another order gives the same report.
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	var groups []string
	for i := range 40 {
		groups = append(groups, group(i%4+1, fmt.Sprintf("%c-%d", 'a'+i%3, i%5), fmt.Sprintf("p.f%d", i%7)))
	}
	owners := []goroutines.Owner{{ID: "c", Epoch: 4}, {ID: "a", Epoch: 4}, {ID: "b", Epoch: 4}}
	var want goroutines.Report
	for i := range 10 {
		census := goroutines.NewCensus(rules(), 0)
		census.Sweep(at(0), profile(t, groups...), owners)
		report := census.Sweep(at(1), profile(t, groups...), owners)
		if i == 0 {
			want = report
			require.NotEmpty(t, want.Leaks)
		}
		require.Equal(t, summary(want), summary(report))
		require.True(t, slices.IsSortedFunc(report.Leaks, func(a, b goroutines.Leak) int {
			return slices.IndexFunc(owners, func(o goroutines.Owner) bool { return o.ID == a.Owner }) - slices.IndexFunc(owners, func(o goroutines.Owner) bool { return o.ID == b.Owner })
		}))
		rand.Shuffle(len(groups), func(i, j int) { groups[i], groups[j] = groups[j], groups[i] })
	}
}

// Random histories: as many as are accused of an epoch were there at every sweep of at least one grace, and what did the
// same for that long, and was never in the same epoch as a call, is accused.
func TestAccusationsAreSoundAndComplete(t *testing.T) {
	t.Parallel()
	const grace = 10
	leaks := 0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		census, owners := goroutines.NewCensus(rules(), grace*time.Second), []goroutines.Owner{{ID: "a", Epoch: 3}}
		type moment struct {
			at    int
			count map[string]int
		}
		var history []moment
		for now := 0; len(history) < 25; now += r.IntN(8) {
			m, groups := moment{now, map[string]int{}}, []string(nil)
			for epoch := range 4 {
				inFlight := r.IntN(4) == 0
				if inFlight {
					groups = append(groups, group(1, fmt.Sprintf("a-%d", epoch), "p.Do", call))
				}
				for f := range 2 {
					n := max(0, r.IntN(6)-1)
					if n > 0 {
						groups = append(groups, group(n, fmt.Sprintf("a-%d", epoch), fmt.Sprintf("p.f%d", f)))
					}
					if !inFlight && epoch < 3 {
						m.count[fmt.Sprintf("%d p.f%d", epoch, f)] = n
						m.count[fmt.Sprint(epoch)] += n
					}
				}
			}
			history = append(history, m)
			accused := map[string]int{}
			for _, l := range census.Sweep(at(now), profile(t, groups...), owners).Leaks {
				accused[fmt.Sprintf("%d %s", l.Epoch, l.Frames[0].Func)] += l.Count
				accused[fmt.Sprint(l.Epoch)] += l.Count
			}
			for epoch := range 4 {
				for _, k := range []string{fmt.Sprint(epoch), fmt.Sprintf("%d p.f0", epoch), fmt.Sprintf("%d p.f1", epoch)} {
					// The fewest since each earlier sweep: an accusation needs one that is a grace old.
					fewest, most, surely := m.count[k], 0, 0
					for i := len(history) - 1; i >= 0; i-- {
						fewest = min(fewest, history[i].count[k])
						if now-history[i].at >= grace {
							most = max(most, fewest)
						}
						if now-history[i].at >= 3*grace {
							surely = max(surely, fewest)
						}
					}
					if k == fmt.Sprint(epoch) { // of those that move nobody knows which is which
						require.LessOrEqual(t, accused[k], most, "seed %d, second %d, %s", seed, now, k)
					}
					require.GreaterOrEqual(t, accused[k], surely, "seed %d, second %d, %s", seed, now, k)
				}
			}
			leaks += len(accused)
		}
	}
	require.Positive(t, leaks)
}
