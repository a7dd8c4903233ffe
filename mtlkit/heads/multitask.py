"""A shared encoder and one head a task."""

from torch import Tensor, nn

from ..bert import Bert
from ..data import Batch


class MultitaskModel(nn.Module):
    """One encoder, shared by every task, and a dict of heads: `model(batch, "sst")` gives that head's outputs."""

    def __init__(self, encoder: Bert, heads: dict[str, nn.Module]):
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict(heads)

    def forward(self, batch: Batch, task: str) -> Tensor:
        output = self.encoder(batch.ids, batch.mask if batch.padded else None, batch.types)
        return self.heads[task](output, batch.mask)

    def freeze_encoder(self, frozen: bool = True) -> "MultitaskModel":
        """Train the heads alone (True), or everything (False). A frozen encoder also stays without dropout."""
        self.encoder.requires_grad_(not frozen)
        self.train(self.training)
        return self

    @property
    def encoder_is_frozen(self) -> bool:
        return not any(p.requires_grad for p in self.encoder.parameters())

    def train(self, mode: bool = True) -> "MultitaskModel":
        super().train(mode)
        if self.encoder_is_frozen:
            self.encoder.eval()  # frozen features are the same every epoch
        return self

    @property
    def device(self):
        return self.encoder.device
