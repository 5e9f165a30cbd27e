rule residuals:
    """Subtract the seasonal cycle from one year of a source."""
    input:
        values=lambda w: year_file(w.source, w.year),
        climatology=lambda w: cycle_files([(w.baseline, w.source)]),
        surface=lambda w: frozen_files([w.year]),
        domain="results/domain.nc",
    output:
        "results/residuals/{baseline}/{source}/{year}.nc",
    log:
        "logs/residuals/{baseline}/{source}/{year}.log",
    benchmark:
        "logs/residuals/{baseline}/{source}/{year}.tsv"
    threads: 1
    resources:
        mem_mb=growing(400, per_tile=60),
        runtime=growing(5),
    params:
        settings=settings_of("residuals"),
        code=code_of("residuals"),
    shell:
        "glab residuals --values {input.values:q} --climatology {input.climatology:q} --surface {input.surface:q}"
        " --domain {input.domain:q} --output {output:q} --settings {params.settings:q} &> {log:q}"
