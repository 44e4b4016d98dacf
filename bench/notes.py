"""Why a goal is not met as far as is known, and what to try next; shown on the page only while it is not met."""

NOTES = {
    "training 1.5M": "Next: compile loss and model together, and update in one fused pass, which Lightning refuses "
    "beside clipping in mixed precision.",
    "training 8M": "Next: cast weights to bfloat16 once a step, and micro-batches whose activations stay in the cache.",
    "training 15M": "The output layer over 32,000 pieces is some 40 % of the products, and runs twice. Next: its "
    "gradients in the forward pass, so that logits are computed once.",
    "memory 15M": "Next: gradients of the output layer in the forward pass, and smaller chunks of logits.",
    "roofline 1.5M": "Next: profile what lies between the products (norms, rotary, SwiGLU, softmax, casts); static "
    "shapes and one compiled region for model and loss.",
    "roofline 8M": "Next: profile what lies between the products; static shapes by buckets of width.",
    "marker_tax": "Answers of the world are short, and a header has as many markers as that of a long text, on both "
    "sides. Next: one token for categories that go together, fewer categories in the header.",
    "overhead": "Next: do not log in steps of which no row is written.",
    "pipeline memory": "What grows with the rows: ids seen so far (to leave out duplicates), where parts begin, "
    "validation examples, pages of ids that were drawn. Next: 8 bytes an id, validation examples on disk.",
    "linear": "Next: find which of reading, marking and tokenizing grows.",
}
