package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// states are five states of a server that restarts after the third.
var states = []int32{1, 2, 3, 4, 5}

// whole is what a client sees of the states that misses nothing: its connection breaks after
// the second state and resumes, and a restart follows the third.
func whole() []entry {
	return []entry{
		{kind: connected},
		{kind: snapshotEvent, epoch: 1, generation: 1, after: 1},
		{kind: documentsEvent, epoch: 1, generation: 1},
		{kind: changeEvent, epoch: 1, generation: 2, before: 1, after: 2},
		{kind: disconnected},
		{kind: connected},
		{kind: changeEvent, epoch: 1, generation: 4, before: 2, after: 3}, // one state that nobody saw
		{kind: byeEvent, epoch: 1, generation: 4},
		{kind: disconnected},
		{kind: connected},
		{kind: resetEvent, epoch: 2, generation: 1},
		{kind: snapshotEvent, epoch: 2, generation: 1, after: 3},
		{kind: changeEvent, epoch: 2, generation: 2, before: 3, after: 4},
		{kind: changeEvent, epoch: 2, generation: 3, before: 4, after: 5},
	}
}

func TestCheckHistory(t *testing.T) {
	assert.NoError(t, checkHistory(whole(), states, false))
	assert.NoError(t, checkHistory(whole()[:13], states, true))
	late := []entry{{kind: connected}, {kind: snapshotEvent, epoch: 2, generation: 1, after: 4}, {kind: changeEvent, epoch: 2, generation: 2, before: 4, after: 5}}
	assert.NoError(t, checkHistory(late, states, false), "a client that came late")

	change := func(i int, edit func(*entry)) func([]entry) []entry {
		return func(h []entry) []entry { edit(&h[i]); return h }
	}
	remove := func(i int) func([]entry) []entry {
		return func(h []entry) []entry { return slices.Delete(h, i, i+1) }
	}
	for name, fault := range map[string]struct {
		make    func([]entry) []entry
		message string
	}{
		"nothing":              {func([]entry) []entry { return nil }, "no snapshot"},
		"no snapshot at first": {remove(1), "change without a snapshot"},
		"a change is missing":  {remove(3), "does not begin where the previous one ended"},
		"a change is missing, and the next one hides it": {func(h []entry) []entry {
			h[3].after, h[6] = 3, entry{kind: documentsEvent}
			return h
		}, "state 3 after state 1"},
		"a change comes twice":    {func(h []entry) []entry { return slices.Insert(h, 3, h[3]) }, "follows generation 2"},
		"a change comes again":    {change(12, func(e *entry) { e.before, e.after = 2, 3 }), "does not begin where the previous one ended"},
		"two changes are swapped": {func(h []entry) []entry { h[12], h[13] = h[13], h[12]; return h }, "does not begin where the previous one ended"},
		"the chain is broken":     {change(6, func(e *entry) { e.before = 9 }), "does not begin where the previous one ended"},
		"a state is wrong":        {change(13, func(e *entry) { e.after = 9 }), "state 0 after state 4"},
		"the generation stays":    {change(6, func(e *entry) { e.generation = 2 }), "follows generation 2"},
		"the epoch changes":       {change(6, func(e *entry) { e.epoch = 2 }), "another epoch without a reset"},
		"no reset":                {remove(10), "snapshot without a reset"},
		"no snapshot after reset": {remove(11), "change without a snapshot"},
		"a restart loses a state": {change(11, func(e *entry) { e.after = 4 }), "state 4 after state 3"},
		"a restart goes back":     {change(11, func(e *entry) { e.after = 2 }), "state 2 after state 3"},
		"a snapshot is unknown":   {change(1, func(e *entry) { e.after = 9 }), "never served"},
		"the last one is missing": {func(h []entry) []entry { return h[:13] }, "ended at state 4 of 5"},
		"an event follows bye":    {func(h []entry) []entry { h[6], h[7] = h[7], h[6]; return h }, "event after bye"},
		"an event between":        {remove(5), "event without a connection"},
		"connected twice":         {remove(4), "connected twice"},
		"disconnected at first":   {remove(0), "event without a connection"},
		"disconnected twice":      {func(h []entry) []entry { return slices.Insert(h, 4, h[4]) }, "not connected"},
		"a change after the last": {func(h []entry) []entry {
			return append(h, entry{kind: changeEvent, epoch: 2, generation: 4, before: 5, after: 6})
		}, "state 0 after state 5"},
		"the restart hides a jump": {change(12, func(e *entry) { e.before, e.after = 3, 5 }), "state 5 after state 3"},
	} {
		assert.ErrorContains(t, checkHistory(fault.make(whole()), states, false), fault.message, name)
	}

	// Whatever single event of a stream is missing but the documents and the bye, it shows.
	for i, e := range whole() {
		if e.kind == documentsEvent || e.kind == byeEvent {
			continue
		}
		assert.Error(t, checkHistory(remove(i)(whole()), states, false), "%d: %v", i, e.kind)
	}
}

func TestCheckPolls(t *testing.T) {
	assert.NoError(t, checkPolls([]int32{1, 3, 5}, states))
	assert.ErrorContains(t, checkPolls(nil, states), "ended at state 0 of 5")
	assert.ErrorContains(t, checkPolls([]int32{1, 3}, states), "ended at state 3 of 5")
	assert.ErrorContains(t, checkPolls([]int32{1, 3, 2, 5}, states), "response 2: state 2 after state 3")
	assert.ErrorContains(t, checkPolls([]int32{1, 1, 5}, states), "response 1: state 1 after state 1")
	assert.ErrorContains(t, checkPolls([]int32{9, 5}, states), "never served")
}

func TestNames(t *testing.T) {
	var n names
	require.EqualValues(t, 0, n.number(nil))
	a, b := n.number([]byte("a")), n.number([]byte("b"))
	assert.NotEqual(t, a, b)
	assert.Equal(t, a, n.number([]byte("a")))
	assert.NotZero(t, a)
}
