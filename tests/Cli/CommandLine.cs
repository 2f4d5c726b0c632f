using System.Text.Json;

[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace DistSgd.Cli.Tests;

/// <summary>The command line, run in this process.</summary>
internal static class CommandLine
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public static async Task<Outcome> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = await CommandTree.RunAsync(args, TextWriter.Synchronized(output), TextWriter.Synchronized(error)).WaitAsync(Deadline);
        return new Outcome(code, output.ToString(), error.ToString());
    }

    /// <summary>Runs what must succeed.</summary>
    public static async Task<Outcome> MustAsync(params string[] args)
    {
        Outcome outcome = await RunAsync(args);
        Assert.True(outcome.Code == 0, $"distsgd {string.Join(' ', args)} ended with {outcome.Code}: {outcome.Error}");
        Assert.Equal("", outcome.Error);
        return outcome;
    }

    /// <summary>A click log cut into two files: the same truth in both.</summary>
    public static async Task<(string Train, string Test)> ClicksAsync(TestKit.Folder folder, int rows = 3000, int testRows = 1000)
    {
        string all = folder["all.libsvm"];
        await MustAsync("generate", "clicks", "--rows", $"{rows + testRows}", "--features", "400", "--seed", "7", "--out", all);
        string[] lines = await File.ReadAllLinesAsync(all);
        await File.WriteAllLinesAsync(folder["train.libsvm"], lines[..rows]);
        await File.WriteAllLinesAsync(folder["test.libsvm"], lines[rows..]);
        File.Delete(all);
        return (folder["train.libsvm"], folder["test.libsvm"]);
    }
}

/// <summary>What a run of the command line gave.</summary>
internal sealed record Outcome(int Code, string Output, string Error)
{
    public JsonElement LastJson => JsonDocument.Parse(Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]).RootElement;
}
