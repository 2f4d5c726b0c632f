namespace DistSgd.TestKit;

/// <summary>A folder of one test's files; gone with the test.</summary>
public sealed class Folder : IDisposable
{
    /// <summary>Makes it.</summary>
    public Folder() => Place = Directory.CreateTempSubdirectory("distsgd-test-").FullName;

    /// <summary>Where it is.</summary>
    public string Place { get; }

    /// <summary>The path of a file in it.</summary>
    public string this[string name] => Path.Combine(Place, name);

    /// <summary>Writes a text file.</summary>
    /// <returns>Its path.</returns>
    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    /// <summary>The names of all files in it, in order.</summary>
    public string[] Names => [.. Directory.EnumerateFiles(Place).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Place, recursive: true);
}
