rule retrieve:
    """Soil moisture and VOD of one year, both runs of the inversion."""
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
        "glab retrieve --tb40 {input.tb40} --surface {input.surface} --domain {input.domain}"
        " --output {output} --settings {params.settings:q} &> {log}"


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
