package enginetest

import (
	"testing"
	"time"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/storetest"
	"github.com/stretchr/testify/assert"
)

func TestFleet(t *testing.T) {
	store := new(storetest.Memory)
	report := fleet{
		Open:     func() release.Store { return store },
		Replicas: 5,
		Pushers:  2,
		Releases: 20,
		Interval: 100 * time.Millisecond,
	}.run(t)
	assert.Equal(t, 41, report.Published)
	t.Log(report)
}

func TestFleetDisturbed(t *testing.T) {
	store := new(storetest.Memory)
	report := fleet{
		Open:     func() release.Store { return store },
		Replicas: 3,
		Releases: 20,
		Interval: 20 * time.Millisecond,
		Disturb: func() {
			store.SetReachable(false)
			time.Sleep(5 * time.Millisecond)
			store.SetReachable(true)
			time.Sleep(20 * time.Millisecond)
		},
	}.run(t)
	t.Log(report)
}
