//! What users can rely on. That it is also what hogan does, `tests/hogan.rs` checks against hogan itself.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::*;

fn variables(data: &Value) -> Variables {
    Variables::new(data.as_object().expect("an object"))
}

fn render(source: &str, data: &Value) -> String {
    Template::compile(source).unwrap().render(&variables(data)).unwrap()
}

fn error(source: &str) -> String {
    Template::compile(source).unwrap_err().to_string()
}

fn is_shareable<T: Send + Sync + Clone + 'static>() {}

#[test]
fn a_template_and_its_variables_can_be_shared_by_all_tasks() {
    is_shareable::<Template>();
    is_shareable::<Variables>();
}

#[test]
fn a_variable_is_escaped_unless_it_has_three_braces_or_an_ampersand() {
    let data = json!({ "s": "& < > \" ' / ` =" });

    assert_eq!(render("{{s}}", &data), "&amp; &lt; &gt; &quot; &#39; / ` =");
    assert_eq!(render("{{{s}}}|{{&s}}", &data), "& < > \" ' / ` =|& < > \" ' / ` =");
}

#[test]
fn names_may_hold_what_would_be_an_operator_elsewhere() {
    let data = json!({ "my-var": 1, "a b": 2, "\"": 3, "\\": 4, "é": 5, "": 6, "{%": 7 });

    assert_eq!(render("{{my-var}}{{ a b }}{{\"}}{{\\}}{{é}}{{}}{{{{%}}}", &data), "1234567");
}

#[test]
fn values_print_as_in_javascript() {
    let data = json!({ "t": true, "f": false, "n": null, "i": 20.0, "l": [1, [null, "a"]], "o": {} });

    assert_eq!(render("{{t}} {{f}} {{n}} {{i}} {{l}} {{o}} {{x}}", &data), "true false  20 1,,a [object Object] ");
}

#[test]
fn a_section_repeats_for_a_list_and_is_shown_once_for_anything_else_that_is_true() {
    let data = json!({ "l": [{ "k": 1 }, { "k": 2 }], "o": { "k": 3 }, "s": "x", "zero": 0, "none": [] });

    assert_eq!(render("{{#l}}{{k}};{{/l}}{{#o}}{{k}}{{/o}}", &data), "1;2;3");
    assert_eq!(render("{{#s}}{{s}}{{/s}}{{#zero}}a{{/zero}}{{#none}}b{{/none}}{{#x}}c{{/x}}", &data), "x");
    assert_eq!(render("{{^s}}a{{/s}}{{^zero}}b{{/zero}}{{^none}}c{{/none}}{{^x}}d{{/x}}", &data), "bcd");
}

#[test]
fn a_section_about_a_text_leaves_the_current_item_in_place() {
    let data = json!({ "l": [[1, 2], [3]], "s": "x" });

    assert_eq!(render("{{#l}}{{#s}}<{{.}}>{{/s}}{{/l}}", &data), "<1><2><3>");
}

#[test]
fn names_are_looked_up_through_all_open_sections_and_the_lists_themselves() {
    let data = json!({ "l": [{ "k": 1 }, {}], "k": "outer" });

    assert_eq!(render("{{#l}}{{k}}/{{length}}/{{0.k}} {{/l}}", &data), "1/2/1 outer/2/1 ");
}

#[test]
fn a_dot_is_the_item_only_directly_inside_a_list() {
    let data = json!({ "l": ["a", ["b"]], "o": { "k": 1 } });

    assert_eq!(render("{{#l}}{{.}}{{#.}}[{{.}}]{{/.}}{{/l}}{{#o}}{{.}}{{/o}}{{.}}", &data), "a[]b[b]");
}

#[test]
fn a_line_with_nothing_but_silent_tags_vanishes() {
    let data = json!({ "l": [1, 2] });

    assert_eq!(render("a\n  {{#l}}\n  {{.}}\n  {{/l}}\nb\n", &data), "a\n  1\n  2\nb\n");
    assert_eq!(render("a\r\n{{! x }}\r\nb", &data), "a\r\nb");
    assert_eq!(render("{{#x}} \n {{/x}}", &json!({})), "");
}

#[test]
fn delimiters_can_be_changed_and_changed_back() {
    let data = json!({ "a": 1 });

    assert_eq!(render("{{=<% %>=}}{{a}}<%a%><%={{ }}=%>{{a}}", &data), "{{a}}11");
    assert_eq!(render("{{=| |=}}|{a}|{{{a}}}", &data), "1{{{a}}}");
}

#[test]
fn of_two_blocks_with_one_name_the_last_counts() {
    assert_eq!(render("{{$a}}1{{/a}}{{$b}}-{{/b}}{{$a}}{{x}}{{/a}}", &json!({ "x": 2 })), "2-2");
}

#[test]
fn half_a_tag_is_text() {
    assert_eq!(render("{{unclosed", &json!({})), "unclosed");
    assert_eq!(render("a }} b {", &json!({})), "a }} b {");
    assert_eq!(render("{{{a}}b", &json!({ "a": 1 })), "1");
}

#[test]
fn text_is_never_read_by_minijinja() {
    let data = json!({ "a": "{{ 1 + 1 }}{% raw %}" });
    let source = "{{=<% %>=}}{{ 7 * 7 }}{# c #}{%- if x -%} \\ \" {<%a%>}\n";

    assert_eq!(render(source, &data), "{{ 7 * 7 }}{# c #}{%- if x -%} \\ \" {{{ 1 + 1 }}{% raw %}}\n");
}

#[test]
fn a_template_without_lookups_is_constant() {
    for source in ["", "plain\n", "a{{! comment }}b", "{{> partial}}", "{{<parent}}{{$a}}{{x}}{{/a}}{{/parent}}"] {
        assert!(Template::compile(source).unwrap().is_constant(), "{source}");
    }
    assert!(!Template::compile("{{a}}").unwrap().is_constant());
    assert!(!Template::compile("{{#a}}x{{/a}}").unwrap().is_constant());
}

#[test]
fn names_are_told_each_once_wherever_they_are_looked_up() {
    let template = Template::compile("{{a}}{{{b.c}}}{{#d}}{{inner}}{{/d}}{{^e}}{{f}}{{/e}}{{a}}{{.}}{{$g}}{{h}}{{/g}}");

    assert_eq!(template.unwrap().names().collect::<Vec<_>>(), ["a", "b", "d", "inner", "e", "f", "h"]);
}

#[test]
fn what_is_fixed_is_replaced_by_nothing_inside_of_a_section_either() {
    let (fixed, data) = (json!({ "KEY": "k" }), json!({ "KEY": 1, "l": [{ "KEY": 2, "a": 3 }], "o": { "KEY": 4 } }));
    let variables = Variables::with_fixed(fixed.as_object().unwrap(), data.as_object().unwrap());
    let template = Template::compile("{{KEY}}{{#l}}{{KEY}}{{a}}{{/l}}{{#o}}{{KEY}}{{/o}}{{o.KEY}}").unwrap();

    assert_eq!(template.render(&variables).unwrap(), "kk3k4");
}

#[test]
fn an_error_says_what_is_wrong_and_where() {
    assert_eq!(
        error("{{#a}}\n  {{aa}}{{/b}}"),
        "line 2, column 9: the section `a`, opened at line 1, column 1, is closed as `b`"
    );
    assert_eq!(error("é{{#a}}"), "line 1, column 2: the section `a` is never closed");
    assert_eq!(error("{{/a}}"), "line 1, column 1: `a` is closed here, but no section is open");
    assert_eq!(error("{{<a}}{{b}}{{/a}}"), "line 1, column 7: only blocks may stand inside of a parent tag");
    assert_eq!(
        error("x\n{{=<% %>"),
        "line 2, column 1: the tag that sets the delimiters is not closed by `=` and the current delimiter"
    );
    assert_eq!(
        error("{{$a}}{{$b}}{{/b}}{{/a}}{{$b}}{{$a}}{{/a}}{{/b}}"),
        "line 1, column 31: the block `a` holds itself"
    );
}

#[test]
fn a_template_is_bounded_in_length_tags_and_depth() {
    assert_eq!(render(&"x".repeat(MAX_SOURCE_BYTES), &json!({})).len(), MAX_SOURCE_BYTES);
    assert!(matches!(Template::compile(&"x".repeat(MAX_SOURCE_BYTES + 1)), Err(TemplateError::TooLong)));

    assert_eq!(render(&"{{a}}".repeat(MAX_TAGS), &json!({ "a": 1 })).len(), MAX_TAGS);
    assert!(matches!(Template::compile(&"{{a}}".repeat(MAX_TAGS + 1)), Err(TemplateError::TooManyTags)));

    let nested = |depth| format!("{}x{}", "{{#a}}".repeat(depth), "{{/a}}".repeat(depth));
    assert_eq!(render(&nested(MAX_DEPTH), &json!({ "a": 1 })), "x");
    assert!(matches!(Template::compile(&nested(MAX_DEPTH + 1)), Err(TemplateError::TooDeep { .. })));
}

#[test]
fn blocks_cannot_multiply_a_template_beyond_its_bounds() {
    let doubling = |text: &str| {
        let block = |level: usize| {
            let use_next = format!("{{{{$b{}}}}}{{{{/b{0}}}}}", level + 1);
            format!("{{{{$b{level}}}}}{use_next}{use_next}{{{{/b{level}}}}}")
        };
        format!("{}{{{{$b20}}}}{text}{{{{/b20}}}}", (0..20).map(block).collect::<String>())
    };
    let long = format!("{{{{$a}}}}{}{{{{/a}}}}{}", "x".repeat(10_000), "{{$b}}{{$a}}{{/a}}{{/b}}".repeat(100));
    let long = format!("{long}{{{{$c}}}}{}{{{{/c}}}}", "{{$a}}{{/a}}".repeat(10));

    assert!(matches!(Template::compile(&doubling("{{x}}")), Err(TemplateError::TooManyTags)));
    assert!(matches!(Template::compile(&long), Err(TemplateError::TooLong)));
}

#[test]
fn a_bomb_ends_as_an_error() {
    let many = json!({ "a": vec![1; 8_000], "big": "\"".repeat(16_000), "hollow": vec![json!([[[[]]]]); 2_000] });
    let many = variables(&many);
    let loops = format!("{}x{}", "{{#a}}".repeat(MAX_DEPTH), "{{/a}}".repeat(MAX_DEPTH));
    let silent = format!("{}{}", "{{#a}}".repeat(3), "{{/a}}".repeat(3));
    let render = |source: &str| Template::compile(source).unwrap().render(&many);

    assert!(matches!(render(&loops), Err(RenderError::TooMuchWork)));
    assert!(matches!(render(&silent), Err(RenderError::TooMuchWork)));
    assert!(matches!(
        render("{{#a}}{{#hollow}}{{hollow}}{{/hollow}}{{/a}}"),
        Err(RenderError::TooLong { .. } | RenderError::TooMuchWork)
    ));
    assert!(matches!(render("{{#a}}{{{big}}}{{/a}}"), Err(RenderError::TooLong { .. })));
    assert!(matches!(render("{{#a}}{{big}}{{/a}}"), Err(RenderError::TooLong { .. })));
    assert!(matches!(render(&"{{a}}{{big}}".repeat(500)), Err(RenderError::TooLong { .. })));
}

#[test]
fn a_large_but_honest_list_is_rendered() {
    let list: Vec<_> = (0..8_000).map(|i| json!({ "id": i, "v": 1.5, "n": "name" })).collect();

    let text = render("[{{#l}}{\"id\":{{id}},\"v\":{{v}},\"n\":\"{{n}}\"},{{/l}}]", &json!({ "l": list }));

    assert!(text.len() > 200_000);
}

/// Strings in which tags are likely.
fn scribble() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => prop::sample::select(vec![
            "{", "{{", "{{{", "}", "}}", "}}}", "#", "^", "/", "!", ">", "<", "$", "&", "=", "{{=", "=}}", "{%", "%}",
            "{#", "\n", "\r\n", " ", ".", "a", "b", "{{#a}}", "{{/a}}", "{{^a}}", "{{$b}}", "{{/b}}", "\\", "\"", "é",
        ]).prop_map(str::to_owned),
        1 => ".{0,8}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_string_can_panic_the_compiler_or_the_engine(source in prop_oneof![scribble(), any::<String>()]) {
        let variables = variables(&json!({ "a": [1, { "b": "x" }], "b": "{{a}}", "": { "": 1 } }));

        if let Ok(template) = Template::compile(&source) {
            let rendered = template.render(&variables);
            prop_assert!(!matches!(rendered, Err(RenderError::Engine(_))), "{rendered:?}");
        } else if let Err(TemplateError::Engine(error)) = Template::compile(&source) {
            prop_assert!(false, "{error}");
        }
    }

    #[test]
    fn text_without_tags_renders_to_itself(text in prop_oneof![any::<String>(), scribble()]) {
        prop_assume!(!text.contains("{{"));

        let template = Template::compile(&text).unwrap();

        prop_assert!(template.is_constant());
        prop_assert_eq!(template.render(&variables(&json!({}))).unwrap(), text);
    }

    #[test]
    fn text_around_a_tag_comes_out_as_it_is(text in any::<String>(), value in any::<String>()) {
        prop_assume!(!text.contains("<%"));

        let output = render(&format!("{{{{=<% %>=}}}}{text}<%&v%>{text}"), &json!({ "v": value }));

        prop_assert_eq!(output, format!("{text}{value}{text}"));
    }
}
