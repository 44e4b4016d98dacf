"""The causal language model: loading, marker-token embeddings, the loss, and the LightningModule."""
