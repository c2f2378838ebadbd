"""PyTorch with diffusers and transformers, eager; "layout" is channels-last or contiguous. Follows common.py."""


def loaded(r, name):
    net = network(r, name).to(dtype(r))
    return net.to(memory_format=torch.channels_last) if channels_last(r) else net


def dtype(r):
    return {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[r["dtype"]]


def channels_last(r):
    return r["layout"] == "channels-last"


def noise(r, *shape):
    x = torch.randn(*shape, dtype=dtype(r))
    return x.contiguous(memory_format=torch.channels_last) if channels_last(r) and x.dim() == 4 else x


def step(r):
    unet = loaded(r, "unet")
    c = unet.config
    sample = noise(r, r["batch"], c.in_channels, r["height"] // 8, r["width"] // 8)
    text = noise(r, r["batch"], 77, c.cross_attention_dim)
    return lambda: unet(sample, 481, encoder_hidden_states=text).sample


def vae(r):
    net = loaded(r, "vae")
    del net.encoder
    c = net.config
    latents = noise(r, r["batch"], c.latent_channels, r["height"] // 8, r["width"] // 8)
    return lambda: net.decode(latents / c.scaling_factor).sample


def text(r):
    net = loaded(r, "text_encoder")
    ids = torch.arange(r["batch"] * 77).reshape(r["batch"], 77) % net.config.vocab_size
    return lambda: net(ids).last_hidden_state


def picture(r):
    encoder, unet, decoder = loaded(r, "text_encoder"), loaded(r, "unet"), loaded(r, "vae")
    del decoder.encoder
    batch, c = r["batch"], unet.config
    ids = torch.arange(2 * batch * 77).reshape(2 * batch, 77) % encoder.config.vocab_size
    start = noise(r, batch, c.in_channels, r["height"] // 8, r["width"] // 8)
    scheduler = ddim()

    def run():
        scheduler.set_timesteps(r["steps"], device=device)
        texts = encoder(ids).last_hidden_state
        x = start * scheduler.init_noise_sigma
        for t in scheduler.timesteps:
            u, g = unet(torch.cat([x, x]), t, encoder_hidden_states=texts).sample.chunk(2)
            x = scheduler.step(u + 7.5 * (g - u), t, x).prev_sample
        return decoder.decode(x / decoder.config.scaling_factor).sample

    return run


def op(r):
    call = {
        "linear": linear,
        "conv": conv,
        "attention": attention,
        "group_norm_silu": group_norm_silu,
        "layer_norm": layer_norm,
        "geglu": geglu,
    }[r["op"]](r)
    calls = r["calls"]

    def repeated():
        for _ in range(calls):
            call()

    return repeated


def linear(r):
    x, w, b = noise(r, r["m"], r["k"]), noise(r, r["n"], r["k"]), noise(r, r["n"])
    return lambda: torch.nn.functional.linear(x, w, b)


def conv(r):
    x = noise(r, 1, r["in"], r["side"], r["side"])
    w = noise(r, r["out"], r["in"], r["kernel"], r["kernel"])
    b = noise(r, r["out"])
    return lambda: torch.nn.functional.conv2d(x, w, b, stride=r["stride"], padding=r["pad"])


def attention(r):
    def heads(length):
        return noise(r, 1, length, r["heads"] * r["dim"]).view(1, length, r["heads"], r["dim"]).transpose(1, 2)

    q, k, v = heads(r["queries"]), heads(r["keys"]), heads(r["keys"])
    return lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v)


def group_norm_silu(r):
    x = noise(r, 1, r["channels"], r["side"], r["side"])
    w, b = noise(r, r["channels"]), noise(r, r["channels"])
    f = torch.nn.functional
    return lambda: f.silu(f.group_norm(x, r["groups"], w, b, 1e-5))


def layer_norm(r):
    x, w, b = noise(r, r["rows"], r["cols"]), noise(r, r["cols"]), noise(r, r["cols"])
    return lambda: torch.nn.functional.layer_norm(x, [r["cols"]], w, b, 1e-5)


def geglu(r):
    x = noise(r, r["rows"], 2 * r["cols"])

    def call():
        a, gate = x.chunk(2, dim=-1)
        return a * torch.nn.functional.gelu(gate)

    return call


WORKS = {"picture": picture, "step": step, "vae": vae, "text": text, "op": op}


def prepare(r):
    return "pytorch " + torch.__version__ + " " + r["layout"], WORKS[r["work"]](r)


if torch is None:
    main()
else:
    with torch.inference_mode():
        main()
