using System.Reflection;
using System.Runtime.CompilerServices;

namespace DistSgd.Grpc.Tests.Surface;

/// <summary>Writes an assembly's public surface as lines: each type, then its members as "Type.Member(Parameter name): Result"; optional parameters in brackets.</summary>
internal static class PublicSurface
{
    // Generated from .proto files: their types are listed, their members are the generator's.
    private static readonly string[] Generated = ["Grpc.Health.V1", "Grpc.Reflection.V1", "Grpc.Reflection.V1Alpha", "Google.Rpc"];

    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static SortedSet<string> Of(Assembly assembly)
    {
        var lines = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var type in assembly.GetExportedTypes())
        {
            var isGenerated = Generated.Contains(type.Namespace) && !HasSource(type);
            if (isGenerated && type.IsNested)
                continue;
            lines.Add($"{KindOf(type)} {NameOf(type)}");
            if (!isGenerated)
                lines.UnionWith(MembersOf(type).Select(member => $"{NameOf(type)}.{member}"));
        }
        return lines;
    }

    private static bool HasSource(Type type) => type.Name.EndsWith("Extensions", StringComparison.Ordinal);

    private static IEnumerable<string> MembersOf(Type type)
    {
        if (typeof(Delegate).IsAssignableFrom(type))
            return [Signature("Invoke", type.GetMethod("Invoke")!)];
        if (type.IsEnum)
            return Enum.GetNames(type).Select(name => $"{name} = {Convert.ToInt32(Enum.Parse(type, name))}");
        return type.GetConstructors(Declared).Where(IsVisible).Select(constructor => $"new({Parameters(constructor)})")
            .Concat(type.GetFields(Declared).Where(field => field.IsPublic || field.IsFamily).Select(field => $"{field.Name}: {Short(field.FieldType)}"))
            .Concat(type.GetProperties(Declared).Where(property => property.GetAccessors(nonPublic: true).Any(IsVisible)).Select(Property))
            .Concat(type.GetMethods(Declared).Where(method => IsVisible(method) && !method.IsSpecialName && !IsObjects(method))
                .Select(method => Signature(method.Name, method)));
    }

    private static bool IsVisible(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsObjects(MethodInfo method) => method.Name.Contains('<')
        || method.GetBaseDefinition().DeclaringType is { } declaring && (declaring == typeof(object) || declaring == typeof(ValueType));

    private static string Property(PropertyInfo property)
    {
        var set = property.SetMethod is { } setter && IsVisible(setter) ? " set" : "";
        var index = property.GetIndexParameters();
        var name = index.Length == 0 ? property.Name : $"this[{string.Join(", ", index.Select(Parameter))}]";
        return $"{name}: {Short(property.PropertyType)} {{get{set}}}";
    }

    private static string Signature(string name, MethodInfo method)
    {
        var generic = method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(Short))}>" : "";
        return $"{name}{generic}({Parameters(method)}): {Short(method.ReturnType)}";
    }

    private static string Parameters(MethodBase method)
    {
        var extends = method.IsDefined(typeof(ExtensionAttribute), inherit: false) ? "this " : "";
        return extends + string.Join(", ", method.GetParameters().Select(Parameter));
    }

    private static string Parameter(ParameterInfo parameter) =>
        parameter.IsOptional ? $"[{Short(parameter.ParameterType)} {parameter.Name}]" : $"{Short(parameter.ParameterType)} {parameter.Name}";

    private static string KindOf(Type type)
    {
        if (typeof(Delegate).IsAssignableFrom(type))
            return "delegate";
        if (type.IsEnum)
            return "enum";
        if (type.IsInterface)
            return "interface";
        return type.IsValueType ? "struct" : type is { IsAbstract: true, IsSealed: true } ? "static class" : type.IsAbstract ? "abstract class" : "class";
    }

    /// <summary>With its namespace and its outer type.</summary>
    private static string NameOf(Type type) => type.IsNested ? $"{NameOf(type.DeclaringType!)}.{Short(type)}" : $"{type.Namespace}.{Short(type)}";

    /// <summary>Without its namespace.</summary>
    private static string Short(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } value)
            return Short(value) + "?";
        if (type.IsArray)
            return Short(type.GetElementType()!) + "[]";
        var name = type.Name.Split('`')[0];
        var own = type.GetGenericArguments().Skip(type.IsNested && !type.IsGenericParameter ? type.DeclaringType!.GetGenericArguments().Length : 0).ToList();
        return type.IsGenericType && own.Count > 0 ? $"{name}<{string.Join(", ", own.Select(Short))}>" : name;
    }
}
