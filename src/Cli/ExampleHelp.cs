using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace DistSgd.Cli;

/// <summary>The help of a command, and an example below it.</summary>
/// <param name="help">The help as it is.</param>
internal sealed class ExampleHelp(HelpAction help) : SynchronousCommandLineAction
{
    /// <summary>--help is right whatever else is missing or wrong.</summary>
    public override bool ClearsParseErrors => true;

    /// <summary>The example of a command.</summary>
    /// <param name="command">Its name, without those of the commands above it.</param>
    public static string Of(string command) => command switch
    {
        "train" => "distsgd train --data a9a --test a9a.t --out a9a.safetensors",
        "predict" => "distsgd predict --model a9a.safetensors --data a9a.t --out predictions.txt",
        "evaluate" => "distsgd evaluate --model a9a.safetensors --data a9a.t",
        "inspect" => "distsgd inspect a9a.safetensors",
        "generate" or "clicks" => "distsgd generate clicks --rows 100000 --features 10000 --out clicks.libsvm",
        "dense" => "distsgd generate dense --rows 10000 --features 20 --out dense.libsvm",
        "dense-regression" => "distsgd generate dense-regression --rows 10000 --features 20 --out dense.libsvm",
        "gradcheck" => "distsgd gradcheck --data a9a",
        "plot" or "loss" => "distsgd plot loss --log sgd.jsonl,adagrad.jsonl --x seconds --out loss.svg",
        "optimizers" => "distsgd plot optimizers --out optimizers.svg",
        "margin" => "distsgd plot margin --out margin.svg",
        "bias-variance" => "distsgd plot bias-variance --sets 40 --out bias-variance.svg",
        "server" => "distsgd server --listen 0.0.0.0:7070",
        "pull" => "distsgd pull --server 10.0.0.5:7070 --job clicks --range 0..100",
        "push" => "distsgd push --server 10.0.0.5:7070 --job clicks --values gradient.txt --name 7:1",
        "doctor" => "distsgd doctor 10.0.0.5:7070 10.0.0.6:7070",
        "worker" => "distsgd worker --coordinator 10.0.0.5:7070",
        "bench" or "kernels" => "distsgd bench kernels --json",
        "wire" => "distsgd bench wire",
        "soak" => "distsgd bench soak --seconds 60",
        "mlp" => "distsgd bench mlp --data train-images-idx3-ubyte.gz",
        "data" => "distsgd bench data --data a9a",
        _ => "distsgd train",
    };

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        Command command = parseResult.CommandResult.Command;
        TextWriter output = parseResult.InvocationConfiguration.Output;
        int code = 0;
        if (command.Name == "train" && command.Parents.Any(parent => parent is RootCommand))
            OptionGroup.WriteHelp(command, TrainCommand.Groups, output);
        else
            code = help.Invoke(parseResult);
        output.WriteLine("Example:");
        output.WriteLine($"  {(command.Parents.OfType<Command>().Any(parent => parent.Name == "bench") && command.Name == "train" ? "distsgd bench train --json" : Of(command.Name))}");
        return code;
    }
}
