rule retrieve:
    """Invert one year of 40° TB for soil moisture and VOD, in two runs."""
    input:
        tb40="results/tb40/{year}.nc",
        surface=lambda w: overpass_files(w.year),
        domain="results/domain.nc",
    output:
        "results/retrieve/{year}.nc",
    log:
        "logs/retrieve/{year}.log",
    benchmark:
        "logs/retrieve/{year}.tsv"
    threads: 4
    resources:
        mem_mb=growing(800, per_tile=200),
        runtime=growing(20, per_tile=10),
    params:
        settings=settings_of("retrieve"),
        code=code_of("retrieve"),
    shell:
        "glab retrieve --tb40 {input.tb40:q} --surface {input.surface:q} --domain {input.domain:q}"
        " --output {output:q} --settings {params.settings:q} &> {log:q}"


use rule retrieve as retrieve_source with:
    input:
        tb40=lambda w: year_file(RUN.sources[w.source].of, w.year),
        surface=lambda w: overpass_files(w.year),
        domain="results/domain.nc",
    output:
        "results/retrieve/{source}/{year}.nc",
    log:
        "logs/retrieve/{source}/{year}.log",
    benchmark:
        "logs/retrieve/{source}/{year}.tsv"
