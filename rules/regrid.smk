rule regrid:
    """Regrid one year of granules to the domain, with quality control."""
    input:
        manifest=lambda w: manifest_file(w.source, w.year),
        domain="results/domain.nc",
    output:
        values="results/regrid/{source}/{year}.nc",
        ingest="results/regrid/{source}/{year}.ingest.json",
    log:
        "logs/regrid/{source}/{year}.log",
    benchmark:
        "logs/regrid/{source}/{year}.tsv"
    threads: 1
    resources:
        mem_mb=growing(600, per_tile=300),
        runtime=growing(20, per_tile=2),
    params:
        settings=settings_of("regrid"),
        code=code_of("regrid"),
    shell:
        "glab regrid --manifest {input.manifest:q} --domain {input.domain:q} --year {wildcards.year}"
        " --output {output.values:q} --settings {params.settings:q} &> {log:q}"
