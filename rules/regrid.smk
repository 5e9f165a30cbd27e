rule regrid:
    """A year of granules on the domain, quality-controlled."""
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
        code=code_of("regrid", with_reader=True),
    shell:
        "glab regrid --manifest {input.manifest} --domain {input.domain} --year {wildcards.year}"
        " --output {output.values} --settings {params.settings:q} &> {log}"
