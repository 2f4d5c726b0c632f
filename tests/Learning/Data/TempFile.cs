using System.Text;

namespace DistSgd.Learning.Tests.Data;

/// <summary>A file in a folder of its own, removed with it.</summary>
internal sealed class TempFile : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("distsgd-test-").FullName;

    public TempFile(byte[] content, string name = "data.txt")
    {
        Path = System.IO.Path.Combine(_folder, name);
        File.WriteAllBytes(Path, content);
    }

    public TempFile(string content, string name = "data.txt")
        : this(Encoding.Latin1.GetBytes(content), name)
    {
    }

    public string Path { get; }

    public string Folder => _folder;

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
