using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;

namespace DistSgd.Trainer.Tests;

/// <summary>Which members of one assembly another one uses, read from its metadata, as "Namespace.Type.Member" without generic arguments and parameters.</summary>
internal static class GrpcUse
{
    private const byte GenericInstance = 0x15;

    public static SortedSet<string> Of(string path, string usedAssembly)
    {
        using var file = new PEReader(File.OpenRead(path));
        var reader = file.GetMetadataReader();
        var used = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var handle in reader.MemberReferences)
        {
            var member = reader.GetMemberReference(handle);
            if (TypeOf(reader, member.Parent) is { } type && AssemblyOf(reader, type) == usedAssembly)
                used.Add($"{NameOf(reader, type)}.{MemberName(reader.GetString(member.Name))}");
        }
        return used;
    }

    /// <summary>The same form of a line of official-api.txt.</summary>
    public static string NameIn(string signature)
    {
        var bare = signature;
        for (var before = ""; before != bare;)
            (before, bare) = (bare, Regex.Replace(bare, "<[^<>]*>", "", RegexOptions.NonBacktracking));
        return Regex.Replace(bare, @"[(:\[ ].*$", "", RegexOptions.NonBacktracking);
    }

    private static TypeReference? TypeOf(MetadataReader reader, EntityHandle parent)
    {
        if (parent.Kind == HandleKind.TypeReference)
            return reader.GetTypeReference((TypeReferenceHandle)parent);
        if (parent.Kind != HandleKind.TypeSpecification)
            return null;
        var signature = reader.GetBlobReader(reader.GetTypeSpecification((TypeSpecificationHandle)parent).Signature);
        if (signature.ReadByte() != GenericInstance)
            return null;
        signature.ReadByte(); // class or value type
        var generic = signature.ReadTypeHandle();
        return generic.Kind == HandleKind.TypeReference ? reader.GetTypeReference((TypeReferenceHandle)generic) : null;
    }

    private static string? AssemblyOf(MetadataReader reader, TypeReference type) => type.ResolutionScope.Kind switch
    {
        HandleKind.TypeReference => AssemblyOf(reader, reader.GetTypeReference((TypeReferenceHandle)type.ResolutionScope)),
        HandleKind.AssemblyReference => reader.GetString(reader.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope).Name),
        _ => null,
    };

    private static string NameOf(MetadataReader reader, TypeReference type)
    {
        var name = reader.GetString(type.Name).Split('`')[0];
        return type.ResolutionScope.Kind == HandleKind.TypeReference
            ? $"{NameOf(reader, reader.GetTypeReference((TypeReferenceHandle)type.ResolutionScope))}.{name}"
            : $"{reader.GetString(type.Namespace)}.{name}";
    }

    private static string MemberName(string name) => name switch
    {
        ".ctor" => "new",
        ['g' or 's', 'e', 't', '_', .. var property] => property,
        _ => name,
    };
}
