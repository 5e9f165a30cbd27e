rule train:
    """Train one network of the ensemble of a link."""
    input:
        samples="results/samples/{link}.nc",
        start_from=lambda w: start_files(w.link, w.member),
    output:
        weights="results/train/{link}/{member}/network.safetensors",
        settings="results/train/{link}/{member}/network.json",
        curve="results/train/{link}/{member}/curve.csv",
    log:
        "logs/train/{link}/{member}.log",
    benchmark:
        "logs/train/{link}/{member}.tsv"
    threads: 4
    resources:
        gpu=1,
        mem_mb=growing(1500, per_input=4),
        runtime=growing(60, per_input=1),
    params:
        start_from=given("start_from"),
        settings=settings_of("train"),
        code=code_of("train"),
    shell:
        "glab train --samples {input.samples:q} {params.start_from} --member {wildcards.member}"
        " --output {output.weights:q} --settings {params.settings:q} &> {log:q}"
