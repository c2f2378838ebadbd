"""OpenVINO on networks converted from PyTorch's: OpenVINO's own plan of memory and layouts, compiled before the runs.

Computes in the type that is asked for (the processor's plugin would take bf16 where the processor has it, unasked).
Follows common.py.
"""

if torch is not None:

    class Unet(torch.nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, sample, time, text):
            return self.net(sample, time, encoder_hidden_states=text, return_dict=False)[0]

    class Decoder(torch.nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, latents):
            return self.net.decode(latents / self.net.config.scaling_factor, return_dict=False)[0]

    class Encoder(torch.nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, ids):
            return self.net(ids, return_dict=False)[0]

    class Function(torch.nn.Module):
        """A function of one tensor or several; the rest are its constants."""

        def __init__(self, function, **constants):
            super().__init__()
            self.function = function
            for name, value in constants.items():
                self.register_buffer(name, value)

        def forward(self, *inputs):
            return self.function(*inputs, **dict(self.named_buffers()))


def compiled(r, module, *inputs):
    """Converts and compiles; returns a function from tensors to a tensor that it may write again at its next call."""
    import gc
    import tempfile
    import warnings

    import openvino

    warnings.filterwarnings("ignore")  # of tracing: that sizes become constants, which is meant
    with torch.no_grad():
        model = openvino.convert_model(module, example_input=inputs, input=[list(x.shape) for x in inputs])
    core = openvino.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if r["dtype"] == "bf16" else "f32",
        "INFERENCE_NUM_THREADS": r["threads"],
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    # Through a file, so that PyTorch's copy of the weights can go; compiled weights are OpenVINO's own.
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.xml")
        openvino.save_model(model, path, compress_to_fp16=r["dtype"] == "f16")
        del model
        for name, _ in list(module.named_children()):
            setattr(module, name, None)
        gc.collect()
        request = core.compile_model(path, "CPU", settings).create_infer_request()

    def call(*values):
        for i, value in enumerate(values):
            request.set_input_tensor(i, openvino.Tensor(value.numpy(), shared_memory=True))
        request.infer()
        return torch.from_numpy(request.get_output_tensor(0).data)

    return call


def unet(r, batch):
    net = network(r, "unet")
    c = net.config
    sample = torch.randn(batch, c.in_channels, r["height"] // 8, r["width"] // 8)
    text = torch.randn(batch, 77, c.cross_attention_dim)
    return compiled(r, Unet(net), sample, torch.tensor([481]), text), sample, text


def decoder(r):
    net = network(r, "vae")
    del net.encoder
    latents = torch.randn(r["batch"], net.config.latent_channels, r["height"] // 8, r["width"] // 8)
    return compiled(r, Decoder(net), latents), latents


def encoder(r, batch):
    net = network(r, "text_encoder")
    ids = torch.arange(batch * 77).reshape(batch, 77) % net.config.vocab_size
    return compiled(r, Encoder(net), ids), ids


def step(r):
    call, sample, text = unet(r, r["batch"])
    time = torch.tensor([481])
    return lambda: call(sample, time, text)


def vae(r):
    call, latents = decoder(r)
    return lambda: call(latents)


def text(r):
    call, ids = encoder(r, r["batch"])
    return lambda: call(ids)


def picture(r):
    encode, ids = encoder(r, 2 * r["batch"])
    predict, _, _ = unet(r, 2 * r["batch"])
    decode, start = decoder(r)
    scheduler = ddim()

    def run():
        scheduler.set_timesteps(r["steps"])
        texts = encode(ids)
        x = start * scheduler.init_noise_sigma
        for t in scheduler.timesteps:
            u, g = predict(torch.cat([x, x]), t.reshape(1), texts).chunk(2)
            x = scheduler.step(u + 7.5 * (g - u), t, x).prev_sample
        return decode(x)

    return run


def linear(r):
    function = Function(torch.nn.functional.linear, weight=torch.randn(r["n"], r["k"]), bias=torch.randn(r["n"]))
    return function, [torch.randn(r["m"], r["k"])]


def conv(r):
    def function(x, weight, bias):
        return torch.nn.functional.conv2d(x, weight, bias, stride=r["stride"], padding=r["pad"])

    weight = torch.randn(r["out"], r["in"], r["kernel"], r["kernel"])
    return Function(function, weight=weight, bias=torch.randn(r["out"])), [torch.randn(1, r["in"], r["side"], r["side"])]


def attention(r):
    """On [1, l, heads * d], as it stands in a network, so that turning heads outwards counts, which may cost nothing."""

    def function(q, k, v):
        q, k, v = (x.unflatten(2, (r["heads"], r["dim"])).transpose(1, 2) for x in (q, k, v))
        return torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)

    lengths = (r["queries"], r["keys"], r["keys"])
    return Function(function), [torch.randn(1, length, r["heads"] * r["dim"]) for length in lengths]


def group_norm_silu(r):
    def function(x, weight, bias):
        return torch.nn.functional.silu(torch.nn.functional.group_norm(x, r["groups"], weight, bias, 1e-5))

    c = r["channels"]
    return Function(function, weight=torch.randn(c), bias=torch.randn(c)), [torch.randn(1, c, r["side"], r["side"])]


def layer_norm(r):
    def function(x, weight, bias):
        return torch.nn.functional.layer_norm(x, [r["cols"]], weight, bias, 1e-5)

    c = r["cols"]
    return Function(function, weight=torch.randn(c), bias=torch.randn(c)), [torch.randn(r["rows"], c)]


def geglu(r):
    def function(x):
        a, gate = x.chunk(2, dim=-1)
        return a * torch.nn.functional.gelu(gate)

    return Function(function), [torch.randn(r["rows"], 2 * r["cols"])]


OPS = {
    "linear": linear,
    "conv": conv,
    "attention": attention,
    "group_norm_silu": group_norm_silu,
    "layer_norm": layer_norm,
    "geglu": geglu,
}


def op(r):
    module, inputs = OPS[r["op"]](r)
    with torch.no_grad():
        expected = module(*inputs)
    call = compiled(r, module, *inputs)
    error = ((call(*inputs) - expected).abs().max() / expected.abs().max()).item()
    if not error < (1e-4 if r["dtype"] == "f32" else 3e-2):
        raise ValueError("OpenVINO's %s differs from PyTorch's by %g of its largest value" % (r["op"], error))

    def repeated():
        for _ in range(r["calls"]):
            call(*inputs)

    return repeated


WORKS = {"picture": picture, "step": step, "vae": vae, "text": text, "op": op}


def prepare(r):
    import openvino

    return "openvino " + openvino.__version__.split("-")[0], WORKS[r["work"]](r)


main()
