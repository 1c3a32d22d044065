// Package records reads what the paths of datasets hold: activation records of single units,
// and explanations of them. It turns their bytes into what the public neuron viewer asks for.
//
// A record is stored at PATH/LAYER/INDEX.json, explanations at PATH/LAYER/INDEX.jsonl.
//
//	data, err := store.Read(ctx, dataset.NeuronDatasetPath(), 5, 131, records.RecordExt)
//	record, err := records.Parse(data)
//	answer, err := record.Neuron(dataset.NeuronDatasetPath())
package records
