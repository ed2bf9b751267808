"""What other codes want to know before they train on the same file (lesson 203)."""

# Settings for nequip 0.19 that train the lesson's network on `train.extxyz` and `valid.extxyz` in the same folder:
# `nequip-train -cp $PWD -cn ethanol.yaml`. With `parity: false` and a hidden layer in the readout it is the same function
# as ours, but for the first layer, where ours also keeps what the atom knew (V); see tests/test_bridge.py.
NEQUIP_SETTINGS = """\
run: [train]
elements: [H, C, O]
data:
  _target_: nequip.data.datamodule.ASEDataModule
  seed: 1
  train_file_path: train.extxyz
  val_file_path: valid.extxyz
  transforms:
    - _target_: nequip.data.transforms.ChemicalSpeciesToAtomTypeMapper
      model_type_names: ${elements}
    - _target_: nequip.data.transforms.NeighborListTransform
      r_max: 4.0
  train_dataloader: {_target_: torch.utils.data.DataLoader, batch_size: 5, shuffle: true}
  val_dataloader: {_target_: torch.utils.data.DataLoader, batch_size: 50}
  stats_manager:
    _target_: nequip.data.CommonDataStatisticsManager
    type_names: ${elements}
    dataloader_kwargs: {batch_size: 50}
trainer:
  _target_: lightning.Trainer
  max_epochs: 100
  callbacks:
    - _target_: lightning.pytorch.callbacks.ModelCheckpoint
      dirpath: ${hydra:runtime.output_dir}
      monitor: val0_epoch/weighted_sum
      filename: best
training_module:
  _target_: nequip.train.EMALightningModule
  loss:
    _target_: nequip.train.EnergyForceLoss
    coeffs: {total_energy: 1.0, forces: 1.0}
  val_metrics:
    _target_: nequip.train.EnergyForceMetrics
    coeffs: {total_energy_mae: 1.0, forces_mae: 1.0}
  optimizer: {_target_: torch.optim.Adam, lr: 0.01}
  model:
    _target_: nequip.model.NequIPGNNModel
    seed: 1
    model_dtype: float32
    type_names: ${elements}
    r_max: 4.0
    num_layers: 3
    l_max: 2
    parity: false
    num_features: 12
    radial_mlp_depth: 1
    radial_mlp_width: 16
    readout_mlp_hidden_layers_depth: 1
    readout_mlp_hidden_layers_width: 6
    avg_num_neighbors: ${training_data_stats:num_neighbors_mean}
    per_type_energy_shifts: ${training_data_stats:per_atom_energy_mean}
    per_type_energy_scales: ${training_data_stats:forces_rms}
"""
