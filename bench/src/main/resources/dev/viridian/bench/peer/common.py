"""What the peers written in Python have in common: the protocol and the networks of SD1.5.

An engine's script follows, which defines `prepare(request)`: it makes the work and returns its name and a function that does
it once. Requests come on standard input and answers go to standard output, one JSON object a line:
{"do": "prepare", "work": ..., "dtype": ..., "threads": ..., ...} -> {"name": ...}
{"do": "run"} -> {"seconds": ..., "cpu_seconds": ..., "phases": {...}}
{"do": "memory"} -> {"peak_rss_bytes": ...}
An answer may be {"missing": ...} (a package) or {"error": ...} instead. The end of the input ends it.
Weights are random unless "model" names a diffusers folder: they do not change the time. "device" is "cpu" (the default) or such
as "cuda:0": there tensors are made where they are used, nothing rounds to TF32, and cuDNN takes its fastest algorithms, as with us.
"""

import json
import math
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
    """A network of SD1.5, or the one in the folder, or one of the folder's shapes with PyTorch's own first weights."""
    model, drawn = r.get("model"), r.get("drawn")
    if name == "text_encoder":
        from transformers import CLIPTextConfig, CLIPTextModel

        if drawn:
            net = CLIPTextModel(CLIPTextConfig.from_pretrained(drawn, subfolder=name))
        elif model:
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

        if drawn:
            net = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(drawn, subfolder=name))
        elif model:
            net = UNet2DConditionModel.from_pretrained(model, subfolder=name, local_files_only=True)
        else:
            net = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    else:
        from diffusers import AutoencoderKL

        if drawn:
            net = AutoencoderKL.from_config(AutoencoderKL.load_config(drawn, subfolder=name))
        elif model:
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
    return net.to(device).eval()


def ddim():
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


work = None
device = "cpu"


def use(name):
    """Makes a device that of all new tensors; the answer if PyTorch does not have it."""
    global device
    device = name
    if name == "cpu":
        return None
    number = int(name.partition(":")[2] or 0)
    if not torch.cuda.is_available() or number >= torch.cuda.device_count():
        return {"missing": "no %s in its PyTorch %s" % (name, torch.__version__)}
    torch.cuda.set_device(number)
    torch.set_default_device(name)
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    return None


def wait():
    if device != "cpu":
        torch.cuda.synchronize()


phases = {}  # seconds of parts of the last run, if the work has parts


def answer(r):
    global work
    if r["do"] == "prepare":
        if torch is None:
            return {"missing": "no package 'torch'"}
        torch.set_num_threads(r["threads"])
        missing = use(r.get("device", "cpu"))
        if missing:
            return missing
        torch.manual_seed(0)
        name, work = prepare(r)
        return {"name": name}
    if r["do"] == "run":
        start, cpu = time.perf_counter(), time.process_time()
        work()
        wait()
        return {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu, "phases": phases}
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
