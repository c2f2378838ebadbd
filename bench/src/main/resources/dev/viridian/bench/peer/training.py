"""A step of DiffuMatting's training in PyTorch: L_noise, L_g on every cross-attention, L_detail, and L_latent in stage 2.

diffusers' UNet and autoencoder, transformers' text encoder, AdamW in one kernel, one norm to clip by. The losses are those that
Viridian takes by default. Pictures are in memory and stay the same; noise, timesteps and captions left out are drawn for each step.
Follows common.py.
"""

KEYS = 77
DROPOUT = 0.1

if torch is not None:
    F = torch.nn.functional

    class Head(torch.nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(channels, channels, 3, padding=1)
            self.conv2 = torch.nn.Conv2d(channels, 1, 3, padding=1)

        def forward(self, feature):
            return F.silu(self.conv2(F.silu(self.conv1(feature))))

    class GreenAttention:
        """Cross-attention that keeps what each place gives to "green", heads averaged: [rows with the word, places]."""

        def __init__(self, step):
            self.step = step

        def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
            b, n, _ = hidden_states.shape

            def heads(x):
                return x.view(b, -1, attn.heads, x.shape[-1] // attn.heads).transpose(1, 2)

            q = heads(attn.to_q(hidden_states))
            k, v = heads(attn.to_k(encoder_hidden_states)), heads(attn.to_v(encoder_hidden_states))
            p = (q @ k.transpose(-1, -2) * attn.scale).softmax(-1)
            if self.step.rows.numel():
                column = p[self.step.rows, :, :, self.step.positions].mean(1)
                if self.step.keeps:  # not when a block is gone through again in backward
                    self.step.columns.append(column)
            return attn.to_out[0]((p @ v).transpose(1, 2).reshape(b, n, -1))


def area(mask, size):
    return F.interpolate(mask, size, mode="area")


def detail_map(z, mask):
    x = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]], dtype=z.dtype)
    c = z.shape[1]
    sobel = F.conv2d(z, (x + x.T).expand(c, 1, 3, 3), padding=1, groups=c)
    return sobel * z * mask


class Step:
    """Networks, optimiser and a batch."""

    def __init__(self, r, unet, vae, text, head, batch):
        self.unet, self.vae, self.text, self.head = unet, vae, text, head
        self.columns, self.keeps, self.rows, self.positions = [], False, None, None
        self.phases = {}
        self.mixed = r["dtype"] == "bf16"
        self.x0, self.mask, self.ids, self.green = batch
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float32) ** 2
        self.abar = torch.cumprod(1 - betas, 0)
        for net in (vae, text):
            net.requires_grad_(False)
        unet.train()
        if r["checkpointing"]:
            unet.enable_gradient_checkpointing()
        for name, module in unet.named_modules():
            if name.endswith("attn2"):
                module.set_processor(GreenAttention(self))
        groups = [{"params": list(unet.parameters()), "lr": 2e-6}]
        if head is not None:
            groups.append({"params": list(head.parameters()), "lr": 1e-4})
        self.parameters = [p for g in groups for p in g["params"]]
        self.optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, fused=True)

    def timed(self, phase, start):
        now = time.perf_counter()
        self.phases[phase] = now - start
        return now

    def precision(self):
        return torch.autocast("cpu", torch.bfloat16, enabled=self.mixed)

    def latents(self):
        with torch.no_grad():
            d = self.vae.encode(self.x0).latent_dist
        return d.mean, d.logvar.clamp(-30, 20)

    def captions(self):
        """Ids, the rows that have the word, and where; some captions left out."""
        ids, green = self.ids.clone(), self.green.clone()
        dropped = torch.rand(len(ids)) < DROPOUT
        ids[dropped, 1:] = ids[0, -1]
        green[dropped] = -1
        return ids, green

    def losses(self, mean, logvar, posterior, noise, times, ids, green):
        scale = self.vae.config.scaling_factor
        z0 = (mean + torch.exp(0.5 * logvar) * posterior) * scale
        ab = self.abar[times].to(z0.dtype).view(-1, 1, 1, 1)
        zt = ab.sqrt() * z0 + (1 - ab).sqrt() * noise
        with torch.no_grad():
            context = self.text(ids).last_hidden_state
        self.rows = (green >= 0).nonzero().flatten()
        self.positions = green[self.rows]
        self.columns, self.keeps = [], True
        eps = self.unet(zt, times, context).sample
        columns, self.columns, self.keeps = self.columns, [], False
        terms = {"L_noise": F.mse_loss(eps, noise)}
        if columns:
            terms["L_g"] = sum(self.green_loss(a, z0.shape[2:], green) for a in columns) / len(columns)
        z0_hat = (zt - (1 - ab).sqrt() * eps) / ab.sqrt()
        mask = area(self.mask, z0.shape[2:])
        terms["L_detail"] = (detail_map(z0_hat, mask) - detail_map(z0, mask)).abs().mean()
        if self.head is not None:
            terms["L_latent"] = self.latent_loss(z0 / scale)
        return terms

    def green_loss(self, column, shape, green):
        h, w = shape
        while h * w > column.shape[1]:
            h, w = (h + 1) // 2, (w + 1) // 2
        target = 1 - area(self.mask, (h, w))[green >= 0].flatten(1)
        return (column - target).abs().mean()

    def latent_loss(self, z):
        decoder = self.vae.decoder
        with torch.no_grad():
            f = decoder.mid_block(decoder.conv_in(self.vae.post_quant_conv(z)))
            for block in decoder.up_blocks:
                f = block(f)
            f = decoder.conv_act(decoder.conv_norm_out(f))
        coarse = self.head(f)
        p, m = coarse.clamp(min=0).flatten(1), self.mask.flatten(1)
        dice = 1 - (2 * (p * m).sum(1) + 1e-6) / (p.sum(1) + m.sum(1) + 1e-6)
        return F.l1_loss(coarse, self.mask) + dice.mean()

    def run(self):
        start = time.perf_counter()
        with self.precision():
            mean, logvar = self.latents()
        ids, green = self.captions()
        posterior, noise = torch.randn_like(mean), torch.randn_like(mean)
        times = torch.randint(0, 1000, (len(mean),))
        start = self.timed("batch", start)
        with self.precision():
            loss = sum(self.losses(mean, logvar, posterior, noise, times, ids, green).values())
        start = self.timed("losses", start)
        loss.backward()
        start = self.timed("backward", start)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.timed("optimizer", start)
        if not math.isfinite(loss.item()):
            raise ValueError("the loss is %g" % loss.item())


def picture(r):
    """Balls with soft edges over green, and their masks."""
    side, b = r["width"], r["batch"]
    y, x = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    mask = torch.stack([((0.4 + 0.02 * i - torch.hypot(x, y)) * 10).clamp(0, 1) for i in range(b)])[:, None]
    colour = torch.rand(b, 3, side, side)
    green = torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1)
    return 2 * (mask * colour + (1 - mask) * green) - 1, mask


def prepare(r):
    import warnings

    warnings.filterwarnings("ignore")
    last = r["layout"] == "channels-last"

    def laid_out(x):
        return x.to(memory_format=torch.channels_last) if last else x

    unet, vae = laid_out(network(r, "unet")), laid_out(network(r, "vae"))
    text = network(r, "text_encoder")
    head = laid_out(Head(vae.config.block_out_channels[0])) if r["stage"] == "2" else None
    vocabulary = text.config.vocab_size
    caption = [vocabulary - 2, 320, 1901, 3750]  # "a green screen"
    ids = torch.tensor([caption + [vocabulary - 1] * (KEYS - len(caption))] * r["batch"])
    x0, mask = picture(r)
    step = Step(r, unet, vae, text, head, (laid_out(x0), mask, ids, torch.full((r["batch"],), caption.index(1901))))

    def run():
        phases.clear()
        step.run()
        phases.update(step.phases)

    return "pytorch " + torch.__version__ + " " + r["layout"], run


main()
