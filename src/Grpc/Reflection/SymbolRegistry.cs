using Google.Protobuf.Reflection;

namespace Grpc.Reflection;

/// <summary>Finds the file that declares something, among some files and all that they import. Immutable.</summary>
public sealed class SymbolRegistry
{
    private readonly Dictionary<string, FileDescriptor> _filesByName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FileDescriptor> _filesBySymbol = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedDictionary<int, FileDescriptor>> _extensionsByType = new(StringComparer.Ordinal);

    private SymbolRegistry()
    {
    }

    /// <summary>A registry of these files and all that they import.</summary>
    public static SymbolRegistry FromFiles(IEnumerable<FileDescriptor> fileDescriptors)
    {
        ArgumentNullException.ThrowIfNull(fileDescriptors);
        var registry = new SymbolRegistry();
        foreach (var file in fileDescriptors)
            registry.Add(file);
        return registry;
    }

    internal FileDescriptor? FileByName(string name) => _filesByName.GetValueOrDefault(name);

    internal FileDescriptor? FileContainingSymbol(string symbol) => _filesBySymbol.GetValueOrDefault(symbol);

    internal FileDescriptor? FileContainingExtension(string type, int number) => ExtensionsOf(type)?.GetValueOrDefault(number);

    /// <summary>The numbers of a message's extensions, ascending; null where the message isn't known.</summary>
    internal IEnumerable<int>? ExtensionNumbers(string type) =>
        ExtensionsOf(type)?.Keys ?? (_filesBySymbol.ContainsKey(type) ? Enumerable.Empty<int>() : null);

    private SortedDictionary<int, FileDescriptor>? ExtensionsOf(string type) => _extensionsByType.GetValueOrDefault(type);

    private void Add(FileDescriptor file)
    {
        if (!_filesByName.TryAdd(file.Name, file))
            return;
        foreach (var imported in file.Dependencies)
            Add(imported);
        foreach (var service in file.Services)
        {
            _filesBySymbol[service.FullName] = file;
            foreach (var method in service.Methods)
                _filesBySymbol[method.FullName] = file;
        }
        foreach (var type in file.EnumTypes)
            Add(type);
        foreach (var type in file.MessageTypes)
            Add(type);
        AddExtensions(file.Extensions, file);
    }

    private void Add(EnumDescriptor type)
    {
        _filesBySymbol[type.FullName] = type.File;
        foreach (var value in type.Values)
            _filesBySymbol[value.FullName] = type.File;
    }

    private void Add(MessageDescriptor type)
    {
        _filesBySymbol[type.FullName] = type.File;
        foreach (var field in type.Fields.InDeclarationOrder())
            _filesBySymbol[field.FullName] = type.File;
        foreach (var oneof in type.Oneofs)
            _filesBySymbol[oneof.FullName] = type.File;
        foreach (var nested in type.EnumTypes)
            Add(nested);
        foreach (var nested in type.NestedTypes)
            Add(nested);
        AddExtensions(type.Extensions, type.File);
    }

    private void AddExtensions(ExtensionCollection extensions, FileDescriptor file)
    {
        foreach (var extension in extensions.UnorderedExtensions)
        {
            _filesBySymbol[extension.FullName] = file;
            if (!_extensionsByType.TryGetValue(extension.ExtendeeType.FullName, out var numbers))
                _extensionsByType.Add(extension.ExtendeeType.FullName, numbers = []);
            numbers[extension.FieldNumber] = file;
        }
    }
}
