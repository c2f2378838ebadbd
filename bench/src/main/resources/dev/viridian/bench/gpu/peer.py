"""What PyTorch takes on this machine's GPU: attention (SDPA and eager) on the shapes of SD1.5, and,
where diffusers is installed, its UNet in float16 with random weights, eager and compiled to a CUDA
graph. Prints a line of JSON after each part, the last with all; what fails is named there and
leaves the rest alone."""

import json
import statistics
import sys
import time

import torch

result = {"torch": torch.__version__, "cuda": torch.version.cuda}


def seconds(call, repeat=7):
    for _ in range(3):
        call()
    torch.cuda.synchronize()
    start = time.perf_counter()
    call()
    torch.cuda.synchronize()
    calls = max(1, min(1000, int(0.02 / max(time.perf_counter() - start, 1e-9))))
    runs = []
    for _ in range(repeat):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        torch.cuda.synchronize()
        runs.append((time.perf_counter() - start) / calls)
    return {"min": min(runs), "median": statistics.median(runs), "max": max(runs)}


def attention():
    def eager(q, k, v):
        p = torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1)
        return p @ v

    for queries, keys, width in [(4096, 4096, 40), (4096, 4096, 64), (1024, 1024, 80), (4096, 77, 40)]:
        q = torch.randn(2, 8, queries, width, device="cuda", dtype=torch.float16)
        k = torch.randn(2, 8, keys, width, device="cuda", dtype=torch.float16)
        v = torch.randn_like(k)
        name = f"{queries}x{keys}x{width}"
        sdpa = torch.nn.functional.scaled_dot_product_attention
        result["sdpa_" + name] = seconds(lambda: sdpa(q, k, v))
        result["eager_attention_" + name] = seconds(lambda: eager(q, k, v))


def unet():
    from diffusers import UNet2DConditionModel

    model = UNet2DConditionModel(
        sample_size=64,
        cross_attention_dim=768,
        attention_head_dim=8,
        block_out_channels=(320, 640, 1280, 1280),
    )
    model = model.to("cuda", torch.float16).to(memory_format=torch.channels_last).eval()
    x = torch.randn(2, 4, 64, 64, device="cuda", dtype=torch.float16)
    x = x.to(memory_format=torch.channels_last)
    text = torch.randn(2, 77, 768, device="cuda", dtype=torch.float16)
    t = torch.tensor(481, device="cuda")
    result["unet_eager"] = seconds(lambda: model(x, t, text, return_dict=False))
    result["unet_eager_peak_bytes"] = torch.cuda.max_memory_allocated()
    print(json.dumps(result), flush=True)  # compiling may take longer than there is
    compiled = torch.compile(model, mode="reduce-overhead")
    result["unet_compiled"] = seconds(lambda: compiled(x, t, text, return_dict=False))


with torch.inference_mode():
    for part in (attention, unet):
        try:
            part()
        except Exception as e:
            result[part.__name__ + "_failed"] = f"{type(e).__name__}: {e}"[:300]
            print(e, file=sys.stderr)
        print(json.dumps(result), flush=True)
