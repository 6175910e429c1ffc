//! Which operation a request asks for, and whether its variables can be read.
//!
//! The library meets a missing variable only when the field runs, and it takes integers beyond 32 bits; both are
//! refused here. Everything else about types is the library's.

use async_graphql::{
    Value, Variables,
    parser::types::{BaseType, DocumentOperations, ExecutableDocument, OperationDefinition, Type},
};

use super::super::errors::{ApiError, Code};

/// The operation that the request means.
pub fn select<'a>(document: &'a ExecutableDocument, name: Option<&str>) -> Result<&'a OperationDefinition, ApiError> {
    let invalid = |message: String| ApiError::new(Code::InvalidQuery, message);
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(&operation.node),
        (DocumentOperations::Single(_), Some(name)) => {
            Err(invalid(format!("there is no operation `{name}`: the document's only operation has no name")))
        }
        (DocumentOperations::Multiple(operations), Some(name)) => operations
            .get(name)
            .map(|operation| &operation.node)
            .ok_or_else(|| invalid(format!("there is no operation `{name}` in the document"))),
        (DocumentOperations::Multiple(operations), None) => {
            let mut all = operations.values();
            match (all.next(), all.next()) {
                (Some(only), None) => Ok(&only.node),
                _ => Err(invalid("the document has several operations: say which by `operationName`".to_owned())),
            }
        }
    }
}

/// The name of one of the document's operations, the same each time: to name the document by, or where any will do.
pub fn a_name(document: &ExecutableDocument) -> Option<&str> {
    document.operations.iter().filter_map(|(name, _)| name.map(|name| name.as_str())).min()
}

/// Refuses variables that are missing, or integers that do not fit GraphQL's `Int`.
pub fn check_variables(operation: &OperationDefinition, variables: &Variables) -> Result<(), ApiError> {
    for definition in &operation.variable_definitions {
        let name = definition.node.name.node.as_str();
        let var_type = &definition.node.var_type.node;
        let given = variables.get(name);
        let has_default = definition.node.default_value.is_some();
        let is_missing = match given {
            None => !var_type.nullable && !has_default,
            Some(value) => !var_type.nullable && *value == Value::Null,
        };
        if is_missing {
            let message = format!("the variable `${name}` of type `{var_type}` needs a value");
            return Err(ApiError::new(Code::InvalidQuery, message));
        }
        if let Some(number) = given.and_then(|value| oversized_int(var_type, value)) {
            let message = format!(
                "the variable `${name}` holds {number}; an Int goes from {} to {} and has no fraction",
                i32::MIN,
                i32::MAX
            );
            return Err(ApiError::new(Code::InvalidQuery, message));
        }
    }
    Ok(())
}

/// The first number in `value` that is no 32-bit integer though the type says `Int`.
fn oversized_int(var_type: &Type, value: &Value) -> Option<String> {
    match (&var_type.base, value) {
        (BaseType::List(item_type), Value::List(items)) => items.iter().find_map(|item| oversized_int(item_type, item)),
        // A single value stands for a list of one.
        (BaseType::List(item_type), single) => oversized_int(item_type, single),
        (BaseType::Named(name), Value::Number(number)) if name == "Int" => {
            let fits = number.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
            (!fits).then(|| number.to_string())
        }
        _ => None,
    }
}
