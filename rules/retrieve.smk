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
