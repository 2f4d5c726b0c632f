using DistSgd.Cli;
using DistSgd.TestKit;

namespace DistSgd.Integration.Tests;

/// <summary>Generated data.</summary>
internal static class Clicks
{
    /// <summary>A click log.</summary>
    public static async Task<string> WriteAsync(Folder folder, int rows = 4000, int features = 300)
    {
        string path = folder["clicks.libsvm"];
        Assert.Equal(0, await CommandTree.RunAsync(["generate", "clicks", "--rows", $"{rows}", "--features", $"{features}", "--seed", "5", "--out", path], TextWriter.Null, TextWriter.Null));
        return path;
    }
}
