package storetest_test

import (
	"testing"

	"github.com/neurondex/neurondex/release"
	"github.com/neurondex/neurondex/release/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) func() release.Store {
		m := new(storetest.Memory)
		return func() release.Store { return m }
	})
}
