"""Does in PyTorch what Viridian is compared with.

Reads requests from standard input and answers on standard output, one JSON object a line:
{"do": "prepare", "work": ..., "layout": ..., "dtype": ..., "threads": ..., ...} -> {"version": ...}
{"do": "run"} -> {"seconds": ..., "cpu_seconds": ...}
{"do": "memory"} -> {"peak_rss_bytes": ...}
An answer may be {"missing": ...} (a package) or {"error": ...} instead. The end of the input ends it.
Weights are random unless "model" names a diffusers folder: they do not change the time.
"""

import json
import os
import resource
import sys
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print

try:
    import torch
except ImportError:
    torch = None


def network(r, name):
    """A network of SD1.5, or the one in the folder."""
    model = r.get("model")
    if name == "text_encoder":
        from transformers import CLIPTextConfig, CLIPTextModel

        if model:
            net = CLIPTextModel.from_pretrained(model, subfolder=name, local_files_only=True)
        else:
            net = CLIPTextModel(
                CLIPTextConfig(
                    vocab_size=49408,
                    hidden_size=768,
                    intermediate_size=3072,
                    num_hidden_layers=12,
                    num_attention_heads=12,
                    max_position_embeddings=77,
                )
            )
    elif name == "unet":
        from diffusers import UNet2DConditionModel

        if model:
            net = UNet2DConditionModel.from_pretrained(model, subfolder=name, local_files_only=True)
        else:
            net = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    else:
        from diffusers import AutoencoderKL

        if model:
            net = AutoencoderKL.from_pretrained(model, subfolder=name, local_files_only=True)
        else:
            net = AutoencoderKL(
                down_block_types=["DownEncoderBlock2D"] * 4,
                up_block_types=["UpDecoderBlock2D"] * 4,
                block_out_channels=[128, 256, 512, 512],
                layers_per_block=2,
                latent_channels=4,
                sample_size=512,
            )
    net = net.eval().to(dtype(r))
    return net.to(memory_format=torch.channels_last) if channels_last(r) else net


def dtype(r):
    return {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}[r["dtype"]]


def channels_last(r):
    return r["layout"] == "channels-last"


def noise(r, *shape):
    x = torch.randn(*shape, dtype=dtype(r))
    return x.contiguous(memory_format=torch.channels_last) if channels_last(r) and x.dim() == 4 else x


def step(r):
    unet = network(r, "unet")
    c = unet.config
    sample = noise(r, r["batch"], c.in_channels, r["height"] // 8, r["width"] // 8)
    text = noise(r, r["batch"], 77, c.cross_attention_dim)
    return lambda: unet(sample, 481, encoder_hidden_states=text).sample


def vae(r):
    net = network(r, "vae")
    del net.encoder
    c = net.config
    latents = noise(r, r["batch"], c.latent_channels, r["height"] // 8, r["width"] // 8)
    return lambda: net.decode(latents / c.scaling_factor).sample


def text(r):
    net = network(r, "text_encoder")
    ids = torch.arange(r["batch"] * 77).reshape(r["batch"], 77) % net.config.vocab_size
    return lambda: net(ids).last_hidden_state


def picture(r):
    from diffusers import DDIMScheduler

    encoder, unet, decoder = network(r, "text_encoder"), network(r, "unet"), network(r, "vae")
    del decoder.encoder
    batch, c = r["batch"], unet.config
    ids = torch.arange(2 * batch * 77).reshape(2 * batch, 77) % encoder.config.vocab_size
    start = noise(r, batch, c.in_channels, r["height"] // 8, r["width"] // 8)
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )

    def run():
        scheduler.set_timesteps(r["steps"])
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
work = None


def answer(r):
    global work
    if r["do"] == "prepare":
        if torch is None:
            return {"missing": "no package 'torch'"}
        torch.set_num_threads(r["threads"])
        torch.manual_seed(0)
        work = WORKS[r["work"]](r)
        return {"version": torch.__version__}
    if r["do"] == "run":
        start, cpu = time.perf_counter(), time.process_time()
        work()
        return {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
    if r["do"] == "memory":
        return {"peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    raise ValueError("unknown request " + r["do"])


def main():
    for line in sys.stdin:
        try:
            result = answer(json.loads(line))
        except ImportError as e:
            result = {"missing": str(e)}
        except Exception as e:
            result = {"error": type(e).__name__ + ": " + str(e)}
        answers.write(json.dumps(result) + "\n")
        answers.flush()


if torch is None:
    main()
else:
    with torch.inference_mode():
        main()
