rule simulate_truth:
    """Simulate the truth of a world, day by day, and its static maps."""
    output:
        truth="data/truth.nc",
        static="data/static.nc",
    log:
        "logs/simulate/truth.log",
    benchmark:
        "logs/simulate/truth.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(20),
    params:
        settings=settings_of("simulate"),
        code=code_of("simulate"),
    shell:
        "glab simulate --output {output.truth:q} --settings {params.settings:q} &> {log:q}"


rule simulate:
    """Simulate one year of granules of a source, in its native format, with their manifest."""
    input:
        truth="data/truth.nc",
    output:
        "data/{source}/{year}/manifest.json",
    log:
        "logs/simulate/{source}/{year}.log",
    benchmark:
        "logs/simulate/{source}/{year}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(20),
    params:
        settings=settings_of("simulate"),
        code=code_of("simulate", reader=lambda w: RUN.sources[w.source].reader),
    shell:
        "glab simulate --truth {input.truth:q} --source {wildcards.source} --year {wildcards.year}"
        " --output {output:q} --settings {params.settings:q} &> {log:q}"


rule simulate_stations:
    """Simulate soil-moisture stations in the layout of ISMN, with their manifest."""
    input:
        truth="data/truth.nc",
    output:
        "{archive}/manifest.json",
    log:
        "logs/simulate/{archive}.log",
    benchmark:
        "logs/simulate/{archive}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings=settings_of("simulate"),
        code=code_of("simulate", reader=lambda w: "ismn"),
    shell:
        "glab simulate --truth {input.truth:q} --source ismn"
        " --output {output:q} --settings {params.settings:q} &> {log:q}"
