package registry_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/neurondex/neurondex/registry"
)

func Example() {
	var reg registry.Registry
	_, err := reg.Apply(registry.Change{Put: []registry.Document{{
		Name: "gpt2.toml",
		Datasets: []registry.Spec{{
			ShortName:         "gpt2-small",
			DerivedScalarType: registry.MLPPostAct,
			UserVisibleName:   "GPT-2 small - MLP neurons",
			NeuronDatasetPath: "https://host.example/gpt2-small/mlp",
		}},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}

	dataset, err := reg.Snapshot().Get("gpt2-small", registry.MLPPostAct)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(dataset.NeuronDatasetPath())

	_, err = reg.Snapshot().Get("gpt2-xl", registry.MLPPostAct)
	fmt.Println(errors.Is(err, registry.ErrNotFound))
	// Output:
	// https://host.example/gpt2-small/mlp
	// true
}

func ExampleRegistry_Updates() {
	var reg registry.Registry
	add := func(document, shortName string) {
		s := registry.Spec{ShortName: shortName, DerivedScalarType: registry.MLPPostAct, UserVisibleName: shortName, NeuronDatasetPath: "/data/" + shortName}
		if _, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: document, Datasets: []registry.Spec{s}}}}); err != nil {
			fmt.Println(err)
		}
	}
	add("a.toml", "one")
	for update := range reg.Updates(context.Background()) {
		fmt.Println(update.Diff())
		if update.After.Len() == 2 {
			break
		}
		add("b.toml", "two")
	}
	// Output:
	// 1 added, 0 updated, 0 removed
	// 1 added, 0 updated, 0 removed
}

func ExampleSnapshot_Named() {
	var reg registry.Registry
	var specs []registry.Spec
	for _, t := range []registry.DerivedScalarType{registry.MLPPostAct, registry.AttnWriteNorm} {
		specs = append(specs, registry.Spec{ShortName: "gpt2-small", DerivedScalarType: t, UserVisibleName: "GPT-2 small", NeuronDatasetPath: "/data/" + string(t)})
	}
	if _, err := reg.Apply(registry.Change{Put: []registry.Document{{Name: "gpt2.toml", Datasets: specs}}}); err != nil {
		fmt.Println(err)
	}
	for d := range reg.Snapshot().Named("gpt2-small") {
		fmt.Println(d)
	}
	// Output:
	// gpt2-small/mlp_post_act
	// gpt2-small/attn_write_norm
}
