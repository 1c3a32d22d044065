package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A kind is what an entry of a history records: an event of a stream, or that its connection
// began or ended.
type kind uint8

const (
	connected kind = iota
	disconnected
	snapshotEvent
	changeEvent
	resetEvent
	documentsEvent
	byeEvent
)

var kindNames = map[kind]string{
	connected: "connected", disconnected: "disconnected", snapshotEvent: "snapshot", changeEvent: "change",
	resetEvent: "reset", documentsEvent: "documents", byeEvent: "bye",
}

// String implements [fmt.Stringer].
func (k kind) String() string { return kindNames[k] }

// An entry is what one client saw at one time. Strings are numbered by [names], since there are
// millions of entries.
type entry struct {
	kind          kind
	epoch         int32
	generation    uint64
	before, after int32         // content hashes; a snapshot has the latter only
	at            time.Duration // since the start of the run
}

// names numbers strings. The zero value is ready, and number 0 is the empty string.
type names struct {
	mu      sync.RWMutex
	numbers map[string]int32
}

func (n *names) number(text []byte) int32 {
	if len(text) == 0 {
		return 0
	}
	n.mu.RLock()
	number, ok := n.numbers[string(text)]
	n.mu.RUnlock()
	if ok {
		return number
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.numbers == nil {
		n.numbers = make(map[string]int32)
	}
	if number, ok = n.numbers[string(text)]; !ok {
		number = int32(len(n.numbers) + 1)
		n.numbers[string(text)] = number
	}
	return number
}

// checkHistory checks what a client saw of states: those that were served, in order, each with
// another hash. It saw each of them from its first snapshot to the last one, once and in order;
// if it vanished, up to some state. It never goes on behind a gap without a reset and a
// snapshot, and even then it must not have missed a state, as none was made while it was away.
func checkHistory(history []entry, states []int32, vanished bool) error {
	c := checker{states: states, position: -1}
	for i, e := range history {
		if err := c.next(e); err != nil {
			return fmt.Errorf("entry %d of %d, %v of generation %d: %w", i, len(history), e.kind, e.generation, err)
		}
	}
	switch {
	case c.position < 0:
		return errors.New("no snapshot")
	case !vanished && c.position != len(states)-1:
		return fmt.Errorf("ended at state %d of %d", c.position+1, len(states))
	}
	return nil
}

// A checker is the state of [checkHistory].
type checker struct {
	states   []int32
	position int // in states, -1 before the first snapshot

	isConnected bool
	isOver      bool // after bye
	isReset     bool // a snapshot must follow
	epoch       int32
	generation  uint64
}

func (c *checker) next(e entry) error {
	switch e.kind {
	case connected:
		if c.isConnected {
			return errors.New("connected twice")
		}
		c.isConnected, c.isOver = true, false
		return nil
	case disconnected:
		if !c.isConnected {
			return errors.New("not connected")
		}
		c.isConnected = false
		return nil
	}
	switch {
	case !c.isConnected:
		return errors.New("event without a connection")
	case c.isOver:
		return errors.New("event after bye")
	}
	switch e.kind {
	case byeEvent:
		c.isOver = true
	case resetEvent:
		c.isReset = true
	case snapshotEvent:
		return c.snapshot(e)
	case changeEvent:
		return c.change(e)
	}
	return nil
}

func (c *checker) snapshot(e entry) error {
	if c.position >= 0 && !c.isReset {
		return errors.New("snapshot without a reset")
	}
	at := slices.Index(c.states, e.after)
	switch {
	case at < 0:
		return errors.New("a state that was never served")
	case c.position >= 0 && at != c.position:
		return fmt.Errorf("state %d after state %d", at+1, c.position+1)
	}
	c.isReset, c.position, c.epoch, c.generation = false, at, e.epoch, e.generation
	return nil
}

func (c *checker) change(e entry) error {
	switch {
	case c.position < 0 || c.isReset:
		return errors.New("change without a snapshot")
	case e.epoch != c.epoch:
		return errors.New("another epoch without a reset")
	case e.generation <= c.generation:
		return fmt.Errorf("follows generation %d", c.generation)
	case e.before != c.states[c.position]:
		return errors.New("does not begin where the previous one ended")
	case c.position+1 == len(c.states) || e.after != c.states[c.position+1]:
		at := slices.Index(c.states, e.after)
		return fmt.Errorf("state %d after state %d", at+1, c.position+1)
	}
	c.position, c.generation = c.position+1, e.generation
	return nil
}

// checkPolls checks the states that a client of the long poll saw: in order, none twice in a row,
// and the last one at the end. It may miss others.
func checkPolls(seen, states []int32) error {
	position := -1
	for i, s := range seen {
		at := slices.Index(states, s)
		switch {
		case at < 0:
			return fmt.Errorf("response %d: a state that was never served", i)
		case at <= position:
			return fmt.Errorf("response %d: state %d after state %d", i, at+1, position+1)
		}
		position = at
	}
	if position != len(states)-1 {
		return fmt.Errorf("ended at state %d of %d", position+1, len(states))
	}
	return nil
}
