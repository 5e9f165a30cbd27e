rule evaluate:
    """Measure the skill of the products against the truth, or summarise them without one."""
    input:
        products=all_product_files(),
        domain="results/domain.nc",
        truth="data/truth.nc" if RUN.archive == "simulate" else [],
        controls=[path for link in RUN.evaluate.controls for path in link_files(link)],
        observations=observed_files(),
    output:
        skill="results/evaluate/skill.csv",
        cells="results/evaluate/cells.nc",
        breaks="results/evaluate/breaks.csv",
    log:
        "logs/evaluate/skill.log",
    benchmark:
        "logs/evaluate/skill.tsv"
    threads: 1
    resources:
        mem_mb=growing(500, per_tile=300),
        runtime=growing(30, per_tile=5),
    params:
        given=given("truth", "controls", "observations"),
        settings=settings_of("evaluate"),
        code=code_of("evaluate"),
    shell:
        "glab evaluate --products {input.products:q} {params.given} --domain {input.domain:q}"
        " --output {output.skill:q} --cells {output.cells:q} --breaks {output.breaks:q} --settings {params.settings:q} &> {log:q}"


rule evaluate_against:
    """Compare a product with a validation set."""
    input:
        products=lambda w: product_files(RUN.evaluate.against[w.name].product),
        domain="results/domain.nc",
        data=lambda w: set_files(w.name),
        truth="data/truth.nc" if RUN.archive == "simulate" else [],
    output:
        table="results/evaluate/against/{name}.csv",
        fields="results/evaluate/against/{name}.nc",
    log:
        "logs/evaluate/against/{name}.log",
    benchmark:
        "logs/evaluate/against/{name}.tsv"
    threads: 1
    resources:
        mem_mb=growing(1500, per_tile=300),
        runtime=growing(30, per_tile=5),
    params:
        given=given("truth"),
        data=lambda w: set_data(w.name),
        settings=settings_of("evaluate"),
        code=code_of("evaluate"),
    shell:
        "glab evaluate --against {wildcards.name} --data {params.data:q} {params.given}"
        " --products {input.products:q} --domain {input.domain:q} --output {output.table:q}"
        " --cells {output.fields:q} --settings {params.settings:q} &> {log:q}"
